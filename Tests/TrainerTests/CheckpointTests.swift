import ExpCore
import FoundationEssentials
import TestSupport
import Testing
import Trainer
import TrainerProtocol

@Suite("Checkpoints")
struct CheckpointTests {
  private func header(step: Int = 3) throws -> CheckpointHeader {
    let config = TrainerFixtures.run()
    var header = CheckpointHeader(
      id: TrainerFixtures.id("run"), kind: .rl, configHash: try config.contentHash, step: step,
      seconds: 1.5, shape: config.model.shape, vocabulary: 25, contextLength: 12)
    header.optimizerSteps = ["": 6, "critic": 4]
    header.numbers = ["entropy_train": 0.1 + 0.2]
    return header
  }

  private func write(_ values: [Float], to path: String) throws {
    try values.withUnsafeBufferPointer {
      try CheckpointFile.write(
        header(), sections: [("parameters", $0), ("first_moments", $0)], to: path)
    }
  }

  private func read(_ path: String, count: Int) throws -> [Float] {
    let checkpoint = try CheckpointFile(path: path)
    var values = [Float](repeating: 0, count: count)
    try values.withUnsafeMutableBufferPointer { try checkpoint.copy("parameters", into: $0) }
    return values
  }

  @Test(
    "What is written is read back bit for bit, header and numbers, and equal content is an equal file"
  )
  func roundTrip() throws {
    try withTemporaryFolder { folder in
      let values: [Float] = [
        0, -0.0, .leastNonzeroMagnitude, .infinity, -3.25, .greatestFiniteMagnitude, 7,
      ]
      try write(values, to: "\(folder)/a")
      try write(values, to: "\(folder)/b")
      let read = try read("\(folder)/a", count: 7)
      #expect(read.map(\.bitPattern) == values.map(\.bitPattern))
      let checkpoint = try CheckpointFile(path: "\(folder)/a")
      #expect(
        checkpoint.header.numbers["entropy_train"]?.bitPattern == (0.1 + 0.2).bitPattern)
      #expect(checkpoint.header.step == 3)
      #expect(checkpoint.header.optimizerSteps == ["": 6, "critic": 4])
      let other = try CheckpointFile(path: "\(folder)/b").contentHash
      #expect(checkpoint.contentHash == other)
      #expect(
        checkpoint.contentHash
          == ContentHash(of: try Data(contentsOf: URL(filePath: "\(folder)/a"))))
      let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      #expect(names == ["a", "b"])
    }
  }

  @Test("Every truncation and every flipped byte is refused, in words and without a crash")
  func damage() throws {
    try withTemporaryFolder { folder in
      try write((0..<40).map(Float.init), to: "\(folder)/good")
      let bytes = Array(try Data(contentsOf: URL(filePath: "\(folder)/good")))
      let path = "\(folder)/bad"
      func refused(_ content: [UInt8]) throws -> Bool {
        try Data(content).write(to: URL(filePath: path))
        do {
          _ = try CheckpointFile(path: path)
          return false
        } catch let error as TrainerError {
          return error.message.contains(path)
        }
      }
      for length in stride(from: 0, to: bytes.count, by: 3) {
        #expect(try refused(Array(bytes[..<length])))
      }
      for place in stride(from: 0, to: bytes.count, by: 5) {
        var damaged = bytes
        damaged[place] ^= 0x10
        #expect(try refused(damaged))
      }
      #expect(try refused(bytes + [0]))
      #expect(try refused([]))
      #expect(try !refused(bytes))
    }
  }

  @Test("Headers with a right hash but impossible claims are refused before anything is allocated")
  func hostileHeaders() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/hostile"
      let good = try JSONValue(encoding: try header())
      func attempt(_ sections: JSONValue, length: Int? = nil) throws {
        var header = good
        header[path: "sections"] = sections
        let text = Array(header.canonicalJSON.utf8)
        let size = length ?? text.count
        var front = Array("EXPCKPT1".utf8)
        front += (0..<4).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) } + text
        while !front.count.isMultiple(of: 64) { front.append(0) }
        let file = front + [1, 2, 3, 4] + Array(ContentHash(of: front).hex.utf8)
        try Data(file).write(to: URL(filePath: path))
        _ = try CheckpointFile(path: path)
      }
      let hash = JSONValue.string(ContentHash(of: [1, 2, 3, 4] as [UInt8]).hex)
      func section(_ count: Double) -> JSONValue {
        ["name": "parameters", "count": .number(count), "sha256": hash]
      }
      try attempt([section(1)])
      for count in [0, 2, -1, 9.007e15, 1e18] {
        #expect(throws: TrainerError.self) { try attempt([section(count)]) }
      }
      #expect(throws: TrainerError.self) { try attempt([section(1), section(1)]) }
      #expect(throws: TrainerError.self) { try attempt([]) }
      #expect(throws: TrainerError.self) { try attempt("none") }
      #expect(throws: TrainerError.self) { try attempt([section(1)], length: 0xffff_ffff) }
      #expect(throws: TrainerError.self) { try attempt([section(1)], length: 0) }
    }
  }

  @Test("What is no regular file is refused")
  func notFiles() throws {
    try withTemporaryFolder { folder in
      for path in [folder, "\(folder)/missing", "/dev/zero", "/dev/null"] {
        #expect(throws: TrainerError.self) { _ = try CheckpointFile(path: path) }
      }
    }
  }

  @Test("A section of another size, or none of that name, is refused")
  func wrongSections() throws {
    try withTemporaryFolder { folder in
      try write([1, 2, 3], to: "\(folder)/a")
      #expect(throws: TrainerError.self) { try read("\(folder)/a", count: 4) }
      let checkpoint = try CheckpointFile(path: "\(folder)/a")
      var values: [Float] = [0, 0, 0]
      #expect(throws: TrainerError.self) {
        try values.withUnsafeMutableBufferPointer { try checkpoint.copy("other", into: $0) }
      }
    }
  }

  @Test(
    "A folder that cannot be written to is an error that names it, and leaves nothing half done")
  func unwritable() throws {
    try withTemporaryFolder { folder in
      #expect(throws: TrainerError.self) { try write([1], to: "\(folder)/missing/a") }
      #expect(throws: TrainerError.self) { try DurableFile.write("x", to: "/dev/full/a") }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(left.isEmpty)
    }
  }

  @Test("The folder lists its own names only, newest first, and removes old steps")
  func folder() throws {
    try withTemporaryFolder { folder in
      let checkpoints = try CheckpointFolder(path: "\(folder)/checkpoints")
      let names = [
        CheckpointFolder.name(step: 7), CheckpointFolder.name(step: 12),
        "step-00000012.ckpt.partial",
        "step-12.ckpt", "step--0000001.ckpt", "step-x.ckpt", CheckpointFolder.finalName,
        CheckpointFolder.name(step: 123_456_789),
      ]
      for name in names { try Data().write(to: URL(filePath: "\(folder)/checkpoints/\(name)")) }
      #expect(checkpoints.steps() == [123_456_789, 12, 7])
      checkpoints.removeSteps(except: 12)
      #expect(checkpoints.steps() == [12])
      #expect(FileManager.default.fileExists(atPath: checkpoints.final))
    }
  }
}
