internal import ExpCore
package import TrainerProtocol

/// A share of this machine: held by whoever has a copy of its file.
package struct Lease: ~Copyable {
  /// The open file that holds it, to be handed to the trainer.
  let file: LeaseFile
  /// The processors.
  package let cores: [Int]
  /// The UUIDs of the GPUs.
  package let gpus: [String]
}

/// The cores, the memory and the GPUs of this machine, shared by all sweeps of one store.
///
/// Each is a range of bytes of `runs/leases/HOST`; whoever uses it has locked it. One sweep at a time stands at the
/// counter (a lock too): it alone takes, and it stays there until it has what it wants, so nobody is overtaken for ever.
/// Who has been served joins the others when somebody waits, so sweeps take turns. One of higher priority that waits goes
/// first. GPUs have a counter of their own, so that whoever waits for one keeps nobody from the processors.
package final class MachineLeases {
  /// One byte of the file is so much memory.
  package static let memoryUnit = 16 << 20
  /// A GPU is cut into so many parts.
  static let gpuParts = 1000
  /// Priorities of sweeps, from the lowest.
  static let priorities = -1...1

  private static let counter = 0..<1
  private static let gpuCounter = 1..<2
  private static let waiting = 8
  private static let cores = 1 << 12
  private static let memory = 1 << 20
  private static let gpus = 1 << 40

  private let path: String
  private let inventory: MachineInventory
  private let priority: Int
  /// Opened once; holds the place at the counter and the wish.
  private let queue: LeaseFile
  private var isAtCounter = false
  private var isAtGPUCounter = false
  private var isWaiting = false
  /// What was missing when a share was last refused, for people.
  package private(set) var obstacle = ""

  /// Opens the leases of a host below a folder of runs.
  package init(
    paths: RunPaths, host: String, inventory: MachineInventory, priority: Int = 0
  ) throws(ScheduleError) {
    try SmallFile.makeFolder("\(paths.root)/leases")
    let name = host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x2f } ? host : "this-host"
    path = "\(paths.root)/leases/\(name)"
    self.inventory = inventory
    self.priority = min(max(priority, Self.priorities.lowerBound), Self.priorities.upperBound)
    queue = try LeaseFile(path)
  }

  /// Takes a share; nil where something is missing.
  ///
  /// `obstacle` names what. Whoever gets none asks again soon, or calls `stopWaiting`.
  /// More cores or memory than there are stand for all there are. `gpus` is a whole number, or a part of one.
  package func take(cores: Int, memoryBytes: Int?, gpus: Double) throws(ScheduleError) -> Lease? {
    let others = "other sweeps of this store are served first"
    if gpus > 0, !isAtGPUCounter {
      isAtGPUCounter = try queue.lock(Self.gpuCounter)
      guard isAtGPUCounter else { return refuse(others) }
    }
    guard try goToCounter() else { return refuse(others) }
    let file = try LeaseFile(path)
    guard let uuids = try takeGPUs(gpus, file) else {
      leaveCounter()
      return refuse("no GPU has room: this sweep and others of the store use them")
    }
    let coreCount = min(max(1, cores), inventory.cores.count)
    guard let coreNumbers = try takeCores(coreCount, file) else {
      return refuse("all cores are in use by other sweeps of this store")
    }
    guard try takeMemory(memoryBytes ?? 0, file) else {
      return refuse("the memory is in use by other sweeps of this store")
    }
    stopWaiting()
    return Lease(file: file, cores: coreNumbers, gpus: uuids)
  }

  private func refuse(_ words: String) -> Lease? {
    obstacle = words
    return nil
  }

  /// Leaves the counter and the queue before it.
  package func stopWaiting() {
    leaveCounter()
    if isAtGPUCounter { queue.unlock(Self.gpuCounter) }
    isAtGPUCounter = false
  }

  private func leaveCounter() {
    if isAtCounter { queue.unlock(Self.counter) }
    if isWaiting { queue.unlock(wish(priority)) }
    isAtCounter = false
    isWaiting = false
  }

  // MARK: The counter

  private func goToCounter() throws(ScheduleError) -> Bool {
    let above = Self.waiting + priority - Self.priorities.lowerBound + 1
    let end = Self.waiting + Self.priorities.count
    if above < end, try queue.isLockedElsewhere(above..<end) {
      if isAtCounter { queue.unlock(Self.counter) }
      isAtCounter = false
    } else if !isAtCounter, !isWaiting, try queue.isLockedElsewhere(wish(priority)) {
      // Others were here before: this one waits with them and asks at its next turn.
    } else if !isAtCounter {
      isAtCounter = try queue.lock(Self.counter)
    }
    if !isAtCounter, !isWaiting { isWaiting = try queue.share(wish(priority)) }
    return isAtCounter
  }

  private func wish(_ priority: Int) -> Range<Int> {
    let byte = Self.waiting + priority - Self.priorities.lowerBound
    return byte..<byte + 1
  }

  // MARK: What is taken

  private func takeCores(_ count: Int, _ file: borrowing LeaseFile) throws(ScheduleError) -> [Int]?
  {
    var chosen: [Int] = []
    for core in inventory.cores where chosen.count < count {
      if try file.lock(Self.cores + core..<Self.cores + core + 1) { chosen.append(core) }
    }
    return chosen.count == count ? chosen : nil
  }

  private func takeMemory(_ bytes: Int, _ file: borrowing LeaseFile) throws(ScheduleError) -> Bool {
    guard let total = inventory.memoryBytes, bytes > 0 else { return true }
    let units = max(1, total / Self.memoryUnit)
    let wanted = min(units, bytes / Self.memoryUnit + (bytes % Self.memoryUnit == 0 ? 0 : 1))
    return try takeAll(wanted, of: Self.memory..<Self.memory + units, file)
  }

  /// Whole GPUs are taken as they come; a part of one is put where the least is left that suffices.
  private func takeGPUs(
    _ count: Double, _ file: borrowing LeaseFile
  ) throws(ScheduleError) -> [String]? {
    guard count > 0 else { return [] }
    let isPart = count < 1
    let parts = isPart ? max(1, Int(count * Double(Self.gpuParts))) : Self.gpuParts
    var candidates: [(gpu: GPU, left: Int)] = []
    for gpu in inventory.gpus {
      let left = try file.free(in: range(of: gpu), wanted: Self.gpuParts).reduce(0) {
        $0 + $1.count
      }
      if left >= parts { candidates.append((gpu, left)) }
    }
    let wanted = isPart ? 1 : Int(count.rounded(.up))
    guard candidates.count >= wanted else { return nil }
    if isPart { candidates.sort { $0.left < $1.left } }
    let chosen = candidates.prefix(wanted).map(\.gpu)
    for gpu in chosen {
      guard try takeAll(parts, of: range(of: gpu), file) else { return nil }
    }
    return chosen.map(\.uuid)
  }

  private func range(of gpu: GPU) -> Range<Int> {
    // 2^20 places: two GPUs of one machine hardly share one, and if they did, they would be used less, not more.
    let place = Int(ContentHash(of: gpu.uuid).hex.prefix(5), radix: 16) ?? 0
    let start = Self.gpus + place * 1024
    return start..<start + Self.gpuParts
  }

  private func takeAll(
    _ count: Int, of range: Range<Int>, _ file: borrowing LeaseFile
  ) throws(ScheduleError) -> Bool {
    let free = try file.free(in: range, wanted: count)
    guard free.reduce(0, { $0 + $1.count }) == count else { return false }
    for part in free {
      guard try file.lock(part) else { return false }
    }
    return true
  }
}
