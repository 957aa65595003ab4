/// A GPU of this machine.
public struct GPU: Sendable, Hashable {
  /// Its UUID as the driver names it: `GPU-…`, or `MIG-…` for a part of one.
  public var uuid: String
  /// Its name.
  public var name: String
  /// Its memory, bytes; nil where the driver does not say.
  public var memoryBytes: Int?

  /// Makes a GPU.
  public init(uuid: String, name: String, memoryBytes: Int?) {
    self.uuid = uuid
    self.name = name
    self.memoryBytes = memoryBytes
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
