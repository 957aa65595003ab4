internal import FoundationEssentials
internal import Glibc
package import TrainerProtocol

/// The exclusive lock of a run folder, to be handed to its trainer.
///
/// It is a `flock`, which belongs to the open file and not to the process: the trainer inherits the descriptor, the
/// scheduler closes its own, and the kernel frees the lock when the trainer is gone, however it went. Its file says
/// which process that is, for people and for whoever finds a trainer that does not leave.
package struct RunLock: ~Copyable {
  /// Who works on a run, as its starter wrote it down.
  package struct Holder: Sendable, Hashable, Codable {
    /// The trainer.
    package var trainer: ProcessIdentity
    /// The process that started it, and that it leaves with.
    package var starter: ProcessIdentity
  }

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

  /// Returns who was last said to hold a lock; nil where nobody said so.
  package static func holder(_ path: String) -> Holder? {
    // try?: a half-written or missing name only costs the details.
    guard let bytes = try? SmallFile.read(path, limit: 4096) else { return nil }
    return try? JSONDecoder().decode(Holder.self, from: Data(bytes))  // try?: as above
  }

  /// Writes down who holds the lock from now on.
  func write(holder pid: pid_t) {
    guard let trainer = ProcessIdentity(of: Int(pid)), let starter = ProcessIdentity.current,
      // try?: the lock itself holds without a name in it.
      let line = try? jsonLine(Holder(trainer: trainer, starter: starter)),
      ftruncate(descriptor.number, 0) == 0
    else { return }
    try? descriptor.write(line, path: "trainer.lock")  // try?: as above
  }
}
