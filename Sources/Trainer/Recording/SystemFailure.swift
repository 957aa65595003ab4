internal import Glibc
internal import TrainerProtocol

extension TrainerError {
  /// Puts a failed system call into words; call it right after the failure, while `errno` stands.
  static func system(_ action: String, _ path: String) -> TrainerError {
    let code = errno
    let mend: String? =
      switch code {
      case ENOSPC, EDQUOT: "make room on the disk that holds '\(path)'; the run can then go on"
      case EROFS, EACCES, EPERM: "make '\(path)' writable for the user that runs the trainer"
      default: nil
      }
    return TrainerError(
      .failed, "cannot \(action) '\(path)': \(String(cString: strerror(code)))", mend: mend)
  }
}
