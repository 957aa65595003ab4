package import ExpCore
internal import Glibc
internal import TrainerProtocol

/// A checkpoint on disk, checked whole before anything is taken out of it.
///
/// Layout, little-endian: `EXPCKPT1`, the length of the header as UInt32, the header as JSON with the hash of each
/// section, zeros up to a multiple of 64, the sections as float32, and the SHA-256 of all before the sections as 64
/// hexadecimal digits. So every byte is covered by a hash, and nothing need be copied to compute it.
package struct CheckpointFile: ~Copyable {
  private static let magic = Array("EXPCKPT1".utf8)
  private static let maxHeaderLength = 1 << 20
  private static let alignment = 64
  private static let trailerLength = 64

  /// What it says of itself.
  package let header: CheckpointHeader
  private let mapping: FileMapping
  private let starts: [Int]

  /// Opens a file and checks its size and every hash.
  ///
  /// Sizes come from the file system: a header that claims more than the file holds is refused before anything is allocated.
  /// - Throws: `TrainerError` saying what is wrong with the file.
  package init(path: String) throws {
    let mapping = try FileMapping(path: path)
    let (header, starts) = try CheckpointFile.check(mapping.bytes, path: path)
    self.mapping = mapping
    self.header = header
    self.starts = starts
  }

  /// Hash of the whole file.
  package var contentHash: ContentHash { ContentHash(of: mapping.bytes) }

  /// Copies a section out.
  ///
  /// - Throws: `TrainerError` if there is no such section or its count is another.
  package borrowing func copy(
    _ name: String, into destination: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard let index = header.sections.firstIndex(where: { $0.name == name }) else {
      throw TrainerError(.badRequest, "the checkpoint has no section '\(name)'")
    }
    let count = header.sections[index].count
    guard count == destination.count else {
      throw TrainerError(
        .badRequest,
        "section '\(name)' of the checkpoint has \(count) numbers, the model needs \(destination.count)"
      )
    }
    let bytes = UnsafeRawBufferPointer(
      rebasing: mapping.bytes[starts[index]..<starts[index] + count * 4])
    UnsafeMutableRawBufferPointer(destination).copyMemory(from: bytes)
  }

  /// Writes a checkpoint durably: temporary name, sync, rename, sync of the folder.
  package static func write(
    _ header: CheckpointHeader, sections: [(name: String, values: UnsafeBufferPointer<Float>)],
    to path: String
  ) throws {
    var header = header
    header.sections = sections.map { section in
      CheckpointHeader.Section(
        name: section.name, count: section.values.count,
        sha256: ContentHash(of: UnsafeRawBufferPointer(section.values)))
    }
    let text = Array(try JSONValue(encoding: header).canonicalJSON.utf8)
    var front = magic + (0..<4).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text
    while !front.count.isMultiple(of: alignment) { front.append(0) }
    let trailer = Array(ContentHash(of: front).hex.utf8)
    try front.withUnsafeBytes { front in
      try trailer.withUnsafeBytes { trailer in
        try DurableFile.write(
          [front] + sections.map { UnsafeRawBufferPointer($0.values) } + [trailer], to: path)
      }
    }
  }

  private static func check(
    _ bytes: UnsafeRawBufferPointer, path: String
  ) throws -> (CheckpointHeader, starts: [Int]) {
    func refuse(_ what: String) -> TrainerError {
      TrainerError(
        .badRequest, "'\(path)' is not a whole checkpoint: \(what)",
        mend: "remove the file; an older checkpoint or the beginning will be used instead")
    }
    let fixed = magic.count + 4
    guard bytes.count >= fixed + trailerLength, bytes.prefix(magic.count).elementsEqual(magic)
    else { throw refuse("it does not begin with 'EXPCKPT1'") }
    let length = (0..<4).reduce(0) { $0 | Int(bytes[magic.count + $1]) << (8 * $1) }
    guard length <= maxHeaderLength else { throw refuse("its header claims \(length) bytes") }
    let front = (fixed + length + alignment - 1) / alignment * alignment
    guard front + trailerLength <= bytes.count else { throw refuse("it ends inside its header") }
    let trailer = bytes.suffix(trailerLength)
    let frontHash = ContentHash(of: UnsafeRawBufferPointer(rebasing: bytes[..<front]))
    guard trailer.elementsEqual(frontHash.hex.utf8) else {
      throw refuse("its last bytes are not the hash of its header")
    }
    let header: CheckpointHeader
    do {
      header = try JSONValue(parsing: bytes[fixed..<fixed + length])
        .decoded(as: CheckpointHeader.self)
    } catch {
      throw refuse("its header: \(error)")
    }
    guard header.schema == 1 else { throw refuse("its schema is \(header.schema), not 1") }
    var starts: [Int] = []
    var end = front
    for section in header.sections {
      let room = (bytes.count - trailerLength - end) / 4
      guard (0...room).contains(section.count) else {
        throw refuse("section '\(section.name)' claims \(section.count) numbers")
      }
      starts.append(end)
      end += section.count * 4
      let content = UnsafeRawBufferPointer(rebasing: bytes[starts[starts.count - 1]..<end])
      guard ContentHash(of: content) == section.sha256 else {
        throw refuse("section '\(section.name)' does not have the hash its header names")
      }
    }
    guard end + trailerLength == bytes.count else { throw refuse("it has bytes left over") }
    return (header, starts)
  }
}

/// A file mapped for reading, unmapped when it goes.
private struct FileMapping: ~Copyable {
  let bytes: UnsafeRawBufferPointer

  init(path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw TrainerError.system("open", path) }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0 else { throw TrainerError.system("look at", path) }
    guard facts.st_mode & S_IFMT == S_IFREG, facts.st_size > 0 else {
      throw TrainerError(.badRequest, "'\(path)' is not a file with something in it")
    }
    let size = Int(facts.st_size)
    guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED
    else { throw TrainerError.system("map", path) }
    bytes = UnsafeRawBufferPointer(start: start, count: size)
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }
}
