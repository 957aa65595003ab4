// What glibc has for processes but declares only under _GNU_SOURCE, which Swift's Glibc module does not set.
#pragma once
#include <fcntl.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

int pipe2(int ends[_Nonnull 2], int flags);

// The sets are bit masks of `size` bytes, one bit a processor.
int sched_getaffinity(pid_t pid, size_t size, void *_Nonnull set);
int sched_setaffinity(pid_t pid, size_t size, const void *_Nonnull set);

// A file in memory that no path leads to; flags 1 (MFD_CLOEXEC of sys/mman.h) keep children from inheriting it.
int memfd_create(const char *_Nonnull name, unsigned int flags);

int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *_Nonnull actions, int from);

// Locks of a range of bytes that belong to the open file, not to the process: children inherit them with the
// descriptor, and they end with its last copy (F_OFD_SETLK and F_OFD_GETLK of fcntl.h).
static inline int exp_lock_range(int file, off_t start, off_t length, int type) {
  struct flock range = {0};
  range.l_type = (short)type;
  range.l_whence = SEEK_SET;
  range.l_start = start;
  range.l_len = length;
  return fcntl(file, 37, &range);
}

// Returns 1 and a range of another open file's that an exclusive lock would meet, 0 where there is none, -1 on failure.
static inline int exp_find_lock(
    int file, off_t start, off_t length, off_t *_Nonnull found, off_t *_Nonnull found_length) {
  struct flock range = {0};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = start;
  range.l_len = length;
  if (fcntl(file, 36, &range) != 0) return -1;
  if (range.l_type == F_UNLCK) return 0;
  *found = range.l_start;
  *found_length = range.l_len;
  return 1;
}

// POSIX_SPAWN_SETSID of spawn.h: the child leads a new session.
enum { EXP_SPAWN_SETSID = 0x80 };
