package import ExpCore

/// What tasks of one array have in common.
package struct SlurmResources: Sendable, Hashable {
  var cores: Int
  /// Mebibytes that Slurm is asked for; nil for the partition's default.
  package var mebibytes: Int?
  var gpus: Int

  package init(_ job: SweepJob) {
    cores = max(1, job.cores)
    mebibytes = job.memoryBytes.map { SlurmResources.mebibytes($0, isLimit: job.memoryIsLimit) }
    gpus = Int(job.gpus.rounded(.up))
  }

  /// What a node takes beside its trainer.
  private static let reserve = 256
  /// Requests are rounded up to so many mebibytes, so that estimates which differ a little share an array.
  private static let unit = 64

  /// An estimate with a quarter added, because Slurm kills what exceeds it; a limit as it is.
  ///
  /// Both with what `exp node` takes itself.
  static func mebibytes(_ bytes: Int, isLimit: Bool) -> Int {
    let bytes = max(0, min(bytes, 1 << 50))
    let wanted = (bytes + (isLimit ? 0 : bytes / 4)) >> 20 + reserve
    return (wanted / unit + 1) * unit
  }
}

/// How jobs become arrays.
package enum SlurmBatches {
  /// Splits jobs into arrays of one kind of resources and at most `size` tasks, each kind in the order given.
  package static func split<Job>(
    _ jobs: [Job], size: Int, resources: (Job) -> SlurmResources
  ) -> [[Job]] {
    var kinds: [SlurmResources] = []
    var groups: [SlurmResources: [Job]] = [:]
    for job in jobs {
      let kind = resources(job)
      if groups[kind] == nil { kinds.append(kind) }
      groups[kind, default: []].append(job)
    }
    let size = max(1, size)
    return kinds.flatMap { kind -> [[Job]] in
      let group = groups[kind, default: []]
      return stride(from: 0, to: group.count, by: size).map {
        Array(group[$0..<min($0 + size, group.count)])
      }
    }
  }
}

/// Which nodes fail what others do.
package struct SlurmNodeHealth: Sendable {
  /// Failures in a row after which a node is left out.
  static let limit = 3

  private var failures: [String: Set<RunID>] = [:]
  private var hasSucceeded: Set<String> = []
  /// The nodes that later arrays leave out.
  package private(set) var bad: [String] = []

  /// Knows nothing of any node.
  package init() {}

  /// Takes in how an attempt on a node ended; returns the node where it is to be left out from now on.
  ///
  /// A node is left out when attempts of several runs failed there in a row and others came to their end elsewhere: what
  /// fails everywhere is not the nodes' fault.
  package mutating func note(_ node: String, run: RunID, isGood: Bool) -> String? {
    guard !node.isEmpty, !bad.contains(node) else { return nil }
    if isGood {
      hasSucceeded.insert(node)
      failures[node] = nil
      return nil
    }
    failures[node, default: []].insert(run)
    guard failures[node, default: []].count >= Self.limit,
      hasSucceeded.contains(where: { $0 != node })
    else { return nil }
    bad.append(node)
    return node
  }
}
