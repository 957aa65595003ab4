internal import Glibc
package import TrainerProtocol

/// The exclusive lock of a run folder, to be handed to its trainer.
///
/// It is a `flock`, which belongs to the open file and not to the process: the trainer inherits the descriptor, the
/// scheduler closes its own, and the kernel frees the lock when the trainer is gone, however it went.
package struct RunLock: ~Copyable {
  let descriptor: Descriptor

  /// Takes the lock; nil where somebody else's trainer lives.
  package static func take(_ folder: RunFolder) throws(ScheduleError) -> RunLock? {
    let file = try Descriptor(opening: folder.lock, O_RDWR | O_CREAT)
    guard file.tryLock() else { return nil }
    return RunLock(descriptor: file)
  }

  /// Takes the lock, with 5 ms between several tries: whoever asks whether it is held has it for a moment.
  static func take(_ folder: RunFolder, tries: Int) throws(ScheduleError) -> RunLock? {
    for _ in 1..<tries {
      if let lock = try take(folder) { return lock }
      usleep(5_000)
    }
    return try take(folder)
  }

  /// Whether a trainer of this folder lives; false where the folder has never been started.
  package static func isHeld(_ path: String) -> Bool {
    let number = open(path, O_RDWR | O_CLOEXEC)
    guard number >= 0 else { return false }
    let file = Descriptor(owning: number)
    return !file.tryLock()
  }
}
