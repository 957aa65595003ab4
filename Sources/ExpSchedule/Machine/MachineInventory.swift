internal import FoundationEssentials

/// A GPU of this machine.
public struct GPU: Sendable, Hashable {
  /// Its UUID as the driver names it: `GPU-…`, or `MIG-…` for a part of one.
  public var uuid: String
  /// Its name.
  public var name: String

  /// Makes a GPU.
  public init(uuid: String, name: String) {
    self.uuid = uuid
    self.name = name
  }

  /// Reads what `nvidia-smi -L` prints: a line a GPU, and indented lines for the parts it is cut into.
  ///
  /// A GPU that is cut is used by its parts; lines that say something else are passed over.
  public static func list(nvidiaSMI text: String) -> [GPU] {
    var gpus: [(gpu: GPU, isPart: Bool)] = []
    for line in text.split(separator: "\n") {
      guard let mark = line.firstRange(of: "(UUID: "),
        let end = line[mark.upperBound...].firstIndex(of: ")")
      else { continue }
      let uuid = String(line[mark.upperBound..<end])
      guard !uuid.isEmpty, uuid.utf8.allSatisfy(isPlain) else { continue }
      let isPart = uuid.hasPrefix("MIG-")
      let words = line[..<mark.lowerBound].drop { $0 == " " }
      let name = isPart ? words : words.split(separator: ":", maxSplits: 1).last ?? words
      // The GPU that a part belongs to stands before it.
      if isPart, gpus.last?.isPart == false { gpus.removeLast() }
      gpus.append((GPU(uuid: uuid, name: trimmed(name)), isPart))
    }
    return gpus.map(\.gpu)
  }

  /// Those that a value of `CUDA_VISIBLE_DEVICES` leaves, in its order: places or beginnings of UUIDs, up to the first
  /// that names none, as CUDA reads it.
  public static func visible(of gpus: [GPU], variable: String?) -> [GPU] {
    guard let variable else { return gpus }
    var left: [GPU] = []
    for word in variable.split(separator: ",").map(trimmed) {
      let place = Int(word)
      let found =
        place.map { gpus.indices.contains($0) ? gpus[$0] : nil }
        ?? gpus.first { !word.isEmpty && $0.uuid.hasPrefix(word) }
      guard let found, !left.contains(found) else { break }
      left.append(found)
    }
    return left
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
      || byte == 0x2d || byte == 0x2f
  }
}

/// What of this machine trainers may use.
public struct MachineInventory: Sendable, Hashable {
  /// Processors by their numbers.
  public var cores: [Int]
  /// Bytes of memory that trainers may be given together; nil for no limit.
  public var memoryBytes: Int?
  /// GPUs.
  public var gpus: [GPU]

  /// Makes an inventory.
  public init(cores: [Int], memoryBytes: Int? = nil, gpus: [GPU] = []) {
    self.cores = cores
    self.memoryBytes = memoryBytes
    self.gpus = gpus
  }

  /// The processors that this process may use; nothing else.
  public static var processors: MachineInventory {
    MachineInventory(cores: CoreSet.current()?.cores ?? [])
  }
}
