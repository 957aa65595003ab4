internal import CLinuxProcess
internal import Glibc

/// A file whose bytes stand for things that one attempt may use at a time: a locked byte is in use.
///
/// The locks belong to the open file (open-file-description locks), so a trainer that inherits it holds them for as
/// long as it lives, and the kernel frees them however it ends. Nothing is ever written into the file.
struct LeaseFile: ~Copyable {
  let descriptor: Descriptor
  private let path: String

  /// Opens the file anew: what is locked through it is its own.
  init(_ path: String) throws(ScheduleError) {
    descriptor = try Descriptor(opening: path, O_RDWR | O_CREAT)
    self.path = path
  }

  /// Locks a range for this file alone; false where another one has a part of it.
  func lock(_ range: Range<Int>) throws(ScheduleError) -> Bool { try lock(range, F_WRLCK) }

  /// Locks a range together with any number of others that do the same.
  func share(_ range: Range<Int>) throws(ScheduleError) -> Bool { try lock(range, F_RDLCK) }

  /// Lets a range go.
  func unlock(_ range: Range<Int>) {
    _ = exp_lock_range(descriptor.number, range.lowerBound, range.count, Int32(F_UNLCK))
  }

  /// Whether another open file has a lock within a range.
  func isLockedElsewhere(_ range: Range<Int>) throws(ScheduleError) -> Bool {
    try find(range) != nil
  }

  /// Returns bytes of a range that nobody has locked, the lowest first; as many as are wanted, or fewer where there are
  /// not so many.
  func free(in range: Range<Int>, wanted: Int) throws(ScheduleError) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var missing = wanted
    var (start, end) = (range.lowerBound, range.upperBound)
    while missing > 0, start < range.upperBound {
      // The kernel names any lock in the range, not the lowest, so the search narrows to what lies before it.
      if let taken = try find(start..<end) {
        if taken.lowerBound > start {
          end = taken.lowerBound
        } else {
          start = taken.upperBound
          end = range.upperBound
        }
        continue
      }
      let found = start..<min(end, start + missing)
      if !found.isEmpty { ranges.append(found) }
      missing -= found.count
      start = end
      end = range.upperBound
    }
    return ranges
  }

  private func find(_ range: Range<Int>) throws(ScheduleError) -> Range<Int>? {
    guard !range.isEmpty else { return nil }
    var (start, length): (off_t, off_t) = (0, 0)
    switch exp_find_lock(descriptor.number, range.lowerBound, range.count, &start, &length) {
    case 0: return nil
    case 1: return start..<(length == 0 ? Int.max : start + length)
    default: throw .system(call: "fcntl(F_OFD_GETLK)", path: path, errno: errno)
    }
  }

  private func lock(_ range: Range<Int>, _ type: Int32) throws(ScheduleError) -> Bool {
    guard !range.isEmpty else { return true }
    while exp_lock_range(descriptor.number, range.lowerBound, range.count, type) != 0 {
      switch errno {
      case EINTR: continue
      case EAGAIN, EACCES: return false
      default: throw .system(call: "fcntl(F_OFD_SETLK)", path: path, errno: errno)
      }
    }
    return true
  }
}
