import ExpCore
import ExpSchedule
import TestSupport
import Testing
import TrainerProtocol

@Suite("Sweeps of one store share a machine by leases")
struct MachineLeasesTests {
  private static let gpus = ["GPU-a", "GPU-b"].map {
    GPU(uuid: $0, name: "fake")
  }

  /// What one sweep sees of a machine of three cores, 1 GiB and two GPUs.
  private func sweep(_ folder: String, priority: Int = 0) throws -> MachineLeases {
    try MachineLeases(
      paths: RunPaths(root: folder), host: "here",
      inventory: .init(cores: [2, 3, 5], memoryBytes: 1 << 30, gpus: MachineLeasesTests.gpus),
      priority: priority)
  }

  @Test("a core is given to one attempt at a time, until its lease is let go")
  func cores() throws {
    try withTemporaryFolder { folder throws in
      let (one, other) = (try sweep(folder), try sweep(folder))
      let first = try one.take(cores: 2, memoryBytes: nil, gpus: 0)
      #expect(coresOf(first) == [2, 3])
      do {
        let second = try other.take(cores: 1, memoryBytes: nil, gpus: 0)
        #expect(coresOf(second) == [5])
        #expect(try one.take(cores: 1, memoryBytes: nil, gpus: 0)?.cores == nil)
        #expect(one.obstacle == "all cores are in use by other sweeps of this store")
      }
      #expect(try one.take(cores: 1, memoryBytes: nil, gpus: 0)?.cores == [5])
      // More than there are stand for all there are.
      #expect(try other.take(cores: 9, memoryBytes: nil, gpus: 0)?.cores == nil)
      other.stopWaiting()
      withExtendedLifetime(first) {}
    }
    try withTemporaryFolder { folder throws in
      #expect(try sweep(folder).take(cores: 9, memoryBytes: nil, gpus: 0)?.cores == [2, 3, 5])
    }
  }

  @Test("whoever waits is served before those who come later, however often they ask")
  func turns() throws {
    try withTemporaryFolder { folder throws in
      let (patient, greedy) = (try sweep(folder), try sweep(folder))
      var held = try greedy.take(cores: 3, memoryBytes: nil, gpus: 0)
      #expect(coresOf(held) == [2, 3, 5])
      #expect(try patient.take(cores: 3, memoryBytes: nil, gpus: 0)?.cores == nil)
      held = nil
      for _ in 0..<3 { #expect(try greedy.take(cores: 1, memoryBytes: nil, gpus: 0)?.cores == nil) }
      #expect(greedy.obstacle == "other sweeps of this store are served first")
      held = try patient.take(cores: 3, memoryBytes: nil, gpus: 0)
      #expect(coresOf(held) == [2, 3, 5])
    }
  }

  @Test("who was served joins those that wait, and does not go first again")
  func servedLast() throws {
    try withTemporaryFolder { folder throws in
      let (first, second, holder) = (try sweep(folder), try sweep(folder), try sweep(folder))
      var held = try holder.take(cores: 3, memoryBytes: nil, gpus: 0)
      #expect(coresOf(held) == [2, 3, 5])
      #expect(try first.take(cores: 1, memoryBytes: nil, gpus: 0)?.cores == nil)
      #expect(try second.take(cores: 1, memoryBytes: nil, gpus: 0)?.cores == nil)
      held = nil
      held = try first.take(cores: 1, memoryBytes: nil, gpus: 0)
      #expect(coresOf(held) == [2])
      #expect(try first.take(cores: 1, memoryBytes: nil, gpus: 0)?.cores == nil)
      #expect(first.obstacle == "other sweeps of this store are served first")
      #expect(try second.take(cores: 1, memoryBytes: nil, gpus: 0)?.cores == [3])
      #expect(try first.take(cores: 1, memoryBytes: nil, gpus: 0)?.cores == [3])
    }
  }

  @Test(
    "whoever waits for a GPU keeps nobody from the cores, and is not overtaken by others that want one"
  )
  func gpuCounter() throws {
    try withTemporaryFolder { folder throws in
      let (user, next, later, other) = (
        try sweep(folder), try sweep(folder), try sweep(folder), try sweep(folder)
      )
      var held = try user.take(cores: 1, memoryBytes: nil, gpus: 2)
      #expect(gpusOf(held) == ["GPU-a", "GPU-b"])
      #expect(try next.take(cores: 1, memoryBytes: nil, gpus: 2)?.cores == nil)
      #expect(next.obstacle == "no GPU has room: this sweep and others of the store use them")
      #expect(try other.take(cores: 1, memoryBytes: nil, gpus: 0)?.cores == [3])
      held = nil
      #expect(try later.take(cores: 1, memoryBytes: nil, gpus: 0.5)?.cores == nil)
      #expect(try next.take(cores: 1, memoryBytes: nil, gpus: 2)?.gpus == ["GPU-a", "GPU-b"])
      #expect(try later.take(cores: 1, memoryBytes: nil, gpus: 0.5)?.gpus == ["GPU-a"])
    }
  }

  @Test("a sweep of higher priority that waits goes first, and one that gave up is not waited for")
  func priorities() throws {
    try withTemporaryFolder { folder throws in
      let (low, high) = (try sweep(folder, priority: -1), try sweep(folder, priority: 1))
      var held = try low.take(cores: 3, memoryBytes: nil, gpus: 0)
      #expect(coresOf(held) == [2, 3, 5])
      #expect(try low.take(cores: 1, memoryBytes: nil, gpus: 0)?.cores == nil)
      // It is at the counter already; it gives way when it asks the next time.
      #expect(try high.take(cores: 1, memoryBytes: nil, gpus: 0)?.cores == nil)
      held = nil
      #expect(try low.take(cores: 1, memoryBytes: nil, gpus: 0)?.cores == nil)
      held = try high.take(cores: 1, memoryBytes: nil, gpus: 0)
      #expect(coresOf(held) == [2])
      #expect(try low.take(cores: 1, memoryBytes: nil, gpus: 0)?.cores == [3])
      #expect(try high.take(cores: 3, memoryBytes: nil, gpus: 0)?.cores == nil)
      high.stopWaiting()
      #expect(try low.take(cores: 1, memoryBytes: nil, gpus: 0)?.cores == [3])
      withExtendedLifetime(held) {}
    }
  }

  @Test("memory is given out until it is used up, in pieces where it must")
  func memory() throws {
    try withTemporaryFolder { folder throws in
      let sweep = try sweep(folder)
      let mib = 1 << 20
      let low = try sweep.take(cores: 1, memoryBytes: 300 * mib, gpus: 0)
      var middle = try sweep.take(cores: 1, memoryBytes: 300 * mib, gpus: 0)
      #expect(coresOf(middle) == [3])
      do {
        let high = try sweep.take(cores: 1, memoryBytes: 400 * mib, gpus: 0)
        #expect(coresOf(high) == [5])
        middle = nil
        // 304 MiB in the middle and 16 at the end are left.
        #expect(try sweep.take(cores: 1, memoryBytes: 321 * mib, gpus: 0)?.cores == nil)
        #expect(sweep.obstacle == "the memory is in use by other sweeps of this store")
        #expect(try sweep.take(cores: 1, memoryBytes: 312 * mib, gpus: 0)?.cores == [3])
      }
      withExtendedLifetime(low) {}
    }
  }

  @Test("GPUs go whole to one attempt, or in parts to several, each part where the least is left")
  func gpus() throws {
    try withTemporaryFolder { folder throws in
      let sweep = try sweep(folder)
      let half = try sweep.take(cores: 1, memoryBytes: nil, gpus: 0.5)
      #expect(gpusOf(half) == ["GPU-a"])
      let whole = try sweep.take(cores: 1, memoryBytes: nil, gpus: 1)
      #expect(gpusOf(whole) == ["GPU-b"])
      do {
        let quarter = try sweep.take(cores: 1, memoryBytes: nil, gpus: 0.25)
        #expect(gpusOf(quarter) == ["GPU-a"])
      }
      #expect(try sweep.take(cores: 1, memoryBytes: nil, gpus: 0.6)?.gpus == nil)
      #expect(sweep.obstacle == "no GPU has room: this sweep and others of the store use them")
      #expect(try sweep.take(cores: 1, memoryBytes: nil, gpus: 0.5)?.gpus == ["GPU-a"])
      withExtendedLifetime(half) {}
      withExtendedLifetime(whole) {}
    }
  }

  @Test("thirds of a GPU are three, and more GPUs than there are are never given")
  func thirds() throws {
    try withTemporaryFolder { folder throws in
      let sweep = try sweep(folder)
      let (one, two) = (
        try sweep.take(cores: 1, memoryBytes: nil, gpus: 1.0 / 3)?.gpus,
        try sweep.take(cores: 1, memoryBytes: nil, gpus: 3)?.gpus
      )
      #expect(one == ["GPU-a"])
      #expect(two == nil)
      let first = try sweep.take(cores: 1, memoryBytes: nil, gpus: 1.0 / 3)
      let second = try sweep.take(cores: 1, memoryBytes: nil, gpus: 1.0 / 3)
      #expect(try sweep.take(cores: 1, memoryBytes: nil, gpus: 1.0 / 3)?.gpus == ["GPU-a"])
      withExtendedLifetime(first) {}
      withExtendedLifetime(second) {}
    }
  }
}

/// `#expect` would take a lease for itself; these only look at it.
private func coresOf(_ lease: borrowing Lease?) -> [Int]? {
  switch lease {
  case .some(let lease): lease.cores
  case .none: nil
  }
}

private func gpusOf(_ lease: borrowing Lease?) -> [String]? {
  switch lease {
  case .some(let lease): lease.gpus
  case .none: nil
  }
}
