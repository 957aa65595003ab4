internal import TrainerProtocol
import TrainerTensor

/// A model that a run carries from step to step.
package struct NamedModel {
  /// Its name in checkpoints; the policy's is empty.
  package var name: String
  /// Its parameters.
  package var model: PolicyModel
  /// What trains it; nil for one that follows another, as a moving reference does.
  package var optimizer: AdamW?

  /// Names a model.
  package init(name: String, model: PolicyModel, optimizer: AdamW? = nil) {
    self.name = name
    self.model = model
    self.optimizer = optimizer
  }

  /// The name of one of its arrays in checkpoints.
  fileprivate func section(_ array: String) -> String {
    name.isEmpty ? array : "\(name).\(array)"
  }
}

/// All that a step changes: parameters, the optimisers' moments, and what little else is carried from step to step.
package final class TrainableState {
  /// The policy.
  package let model: PolicyModel
  /// Its optimiser.
  package let optimizer: AdamW
  /// Further models, such as a critic.
  package let companions: [NamedModel]
  /// Single numbers, such as the entropy of the step before.
  package var numbers: [String: Double] = [:]
  /// Lists whose lengths change, such as a replay buffer.
  package var lists: [String: [Float]] = [:]

  private struct Memory {
    var arrays: [FloatBuffer] = []
    var optimizerSteps: [String: Int] = [:]
    var numbers: [String: Double] = [:]
    var lists: [String: [Float]] = [:]
  }

  private var memory = Memory()

  /// Takes a policy with its optimiser, and whatever else is trained beside it.
  package init(model: PolicyModel, optimizer: AdamW, companions: [NamedModel] = []) {
    self.model = model
    self.optimizer = optimizer
    self.companions = companions
  }

  private var models: [NamedModel] {
    [NamedModel(name: "", model: model, optimizer: optimizer)] + companions
  }

  /// The arrays of fixed length where their devices have them.
  private var deviceArrays: [(device: Device, values: UnsafeMutableBufferPointer<Float>)] {
    models.flatMap { named in
      var arrays = [named.model.deviceParameters]
      if let optimizer = named.optimizer {
        arrays += [optimizer.firstBuffer.onDevice, optimizer.secondBuffer.onDevice]
      }
      return arrays.map { (named.model.device, $0) }
    }
  }

  /// The arrays of fixed length as checkpoints name them, in the host's memory.
  package var sections: [(name: String, values: UnsafeMutableBufferPointer<Float>)] {
    models.flatMap { named in
      var sections = [(name: named.section("parameters"), values: named.model.parameters)]
      if let optimizer = named.optimizer {
        sections.append((named.section("first_moments"), optimizer.firstMoments))
        sections.append((named.section("second_moments"), optimizer.secondMoments))
      }
      return sections
    }
  }

  /// The same to be read.
  private var readings: [(name: String, values: UnsafeBufferPointer<Float>)] {
    models.flatMap { named in
      var sections = [
        (name: named.section("parameters"), values: named.model.parametersForReading)
      ]
      if let optimizer = named.optimizer {
        sections.append((named.section("first_moments"), optimizer.firstBuffer.forReading))
        sections.append((named.section("second_moments"), optimizer.secondBuffer.forReading))
      }
      return sections
    }
  }

  private var optimizerSteps: [String: Int] {
    get {
      Dictionary(
        models.compactMap { named in named.optimizer.map { (named.name, $0.stepCount) } },
        uniquingKeysWith: { first, _ in first })
    }
    set {
      for named in models { named.optimizer?.stepCount = newValue[named.name] ?? 0 }
    }
  }

  /// Remembers everything, for a step that is stopped halfway.
  package func save() {
    let arrays = deviceArrays
    if memory.arrays.isEmpty {
      memory.arrays = arrays.map { FloatBuffer.required(count: $0.values.count, on: $0.device) }
    }
    for (array, copy) in zip(arrays, memory.arrays) {
      array.device.copy(array.values, to: copy.floats)
    }
    memory.optimizerSteps = optimizerSteps
    memory.numbers = numbers
    memory.lists = lists
  }

  /// Goes back to what was remembered.
  package func restore() {
    for (array, copy) in zip(deviceArrays, memory.arrays) {
      array.device.copy(copy.floats, to: array.values)
    }
    optimizerSteps = memory.optimizerSteps
    numbers = memory.numbers
    lists = memory.lists
  }

  /// Writes everything a later attempt needs.
  package func write(_ header: CheckpointHeader, to path: String) throws {
    var header = header
    header.optimizerSteps = optimizerSteps
    header.numbers = numbers
    let lists = lists.sorted { $0.key < $1.key }
    var sections = readings.map { ($0.name, $0.values) }
    // One buffer for all lists: each must stay where it is until the file is written.
    try lists.flatMap(\.value).withUnsafeBufferPointer { all in
      var start = 0
      for (name, values) in lists {
        sections.append((name, UnsafeBufferPointer(rebasing: all[start..<start + values.count])))
        start += values.count
      }
      try CheckpointFile.write(header, sections: sections, to: path)
    }
  }

  /// Writes the policy, and the further models that `includes` names, without their moments.
  package func writePolicy(
    _ header: CheckpointHeader, with includes: [String] = [], to path: String
  ) throws {
    let written = models.filter { $0.name.isEmpty || includes.contains($0.name) }
    try CheckpointFile.write(
      header,
      sections: written.map {
        ($0.section("parameters"), $0.model.parametersForReading)
      }, to: path)
  }

  /// Takes everything from a checkpoint, or nothing and throws.
  package func read(_ checkpoint: borrowing CheckpointFile) throws {
    let counts = Dictionary(
      checkpoint.header.sections.map { ($0.name, $0.count) },
      uniquingKeysWith: { first, _ in first })
    // All or nothing: half of a checkpoint over the state would be worse than none.
    let sections = sections
    for section in sections where counts[section.name] != section.values.count {
      throw TrainerError(
        .badRequest,
        "section '\(section.name)' has \(counts[section.name] ?? 0) numbers, the model needs "
          + "\(section.values.count)")
    }
    for section in sections { try checkpoint.copy(section.name, into: section.values) }
    let known = Set(sections.map(\.name))
    lists = [:]
    for (name, count) in counts where !known.contains(name) {
      var values = [Float](repeating: 0, count: count)
      try values.withUnsafeMutableBufferPointer { try checkpoint.copy(name, into: $0) }
      lists[name] = values
    }
    optimizerSteps = checkpoint.header.optimizerSteps
    numbers = checkpoint.header.numbers
  }
}
