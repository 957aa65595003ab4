// What glibc has for processes but declares only under _GNU_SOURCE, which Swift's Glibc module does not set.
#pragma once
#include <spawn.h>
#include <stddef.h>
#include <sys/types.h>

int pipe2(int ends[_Nonnull 2], int flags);

// The sets are bit masks of `size` bytes, one bit a processor.
int sched_getaffinity(pid_t pid, size_t size, void *_Nonnull set);
int sched_setaffinity(pid_t pid, size_t size, const void *_Nonnull set);

int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *_Nonnull actions, int from);

// POSIX_SPAWN_SETSID of spawn.h: the child leads a new session.
enum { EXP_SPAWN_SETSID = 0x80 };
