import ExpCore
import TrainerTensor

/// Samples answers with cached keys and values.
///
/// A prompt is read once for all its samples, sequences decode together, and finished ones leave at once. Token t of
/// sample s of prompt p is drawn from `stream.uniform(step, p * samples + s, t)`, and its log-probability has the bits
/// that `TrainingPass` computes; neither depends on what else is being sampled. (On devices that are not batch-invariant
/// both hold up to rounding.)
///
/// The host looks at the tokens after every round of `Device.roundSteps` steps; a sequence that ends within a round
/// stands still until then. Where the device can record operations, those of a step are recorded once per number of
/// rows, which are padded so that there are few such numbers.
package final class RolloutEngine {
  /// Floating-point operations since the caller last set it to 0: products, attention and head, for tokens that were computed.
  package var floatingPointOperations: Double = 0
  /// Whether the operations of a step are recorded once and run again, which they are where the device can.
  package var recordsSteps: Bool

  let model: PolicyModel
  private var steps: BlockSteps
  private let storage: RolloutStorage
  private let live: LiveSequences
  private let reading: PromptRows
  private var captured: [StepKey: CapturedOperations] = [:]
  /// Their keys, the oldest first.
  private var capturedOrder: [StepKey] = []

  /// Takes memory for `maxSequences` sequences at a time, or fewer where that is faster, of `maxLength` tokens.
  ///
  /// - Precondition: the model's output are tokens.
  package init(model: PolicyModel, maxSequences: Int, maxLength: Int) {
    precondition(model.output == .tokens, "a critic samples nothing")
    self.model = model
    recordsSteps = model.device.capturesOperations
    steps = BlockSteps(model: model)
    storage = RolloutStorage(
      model, maxSequences: maxSequences, maxLength: min(max(maxLength, 1), model.contextLength))
    live = LiveSequences(capacity: storage.live, device: model.device)
    reading = PromptRows(rows: model.device.liveRows + storage.maxLength, device: model.device)
  }

  /// Samples `samplesPerPrompt` answers to each prompt; temperature 0 takes the likeliest token.
  ///
  /// With `topP` below 1 tokens are drawn from the nucleus only; log-probabilities and entropies stay those of the whole
  /// distribution. The answers come by prompt, then by sample. An answer ends with `eos`, which it includes, or after
  /// `maxNewTokens`. If `shouldStop` says so between two steps, the result is empty.
  /// - Precondition: every prompt has 1 token or more, all in the vocabulary, and fits into the engine's length
  ///   together with `maxNewTokens`.
  package func generate(
    prompts: [[Int32]], samplesPerPrompt: Int, maxNewTokens: Int, eos: Int32, temperature: Double,
    topP: Double = 1, stream: RandomStream, step: UInt32, shouldStop: () -> Bool
  ) -> [SampledResponse] {
    precondition(temperature >= 0, "a temperature of \(temperature)")
    check(prompts, samples: samplesPerPrompt, maxNewTokens: maxNewTokens)
    guard maxNewTokens > 0 && samplesPerPrompt > 0 else { return [] }
    let draw = Draw(
      stream: stream, step: step, temperature: temperature, topP: topP, longest: maxNewTokens,
      eos: eos,
      sizes: CacheSizes(
        prefix: RolloutStorage.padded(prompts.lazy.map(\.count).max() ?? 1),
        suffix: RolloutStorage.padded(maxNewTokens)))
    var answers = AnswerTable(
      prompts: prompts.count, samples: samplesPerPrompt, maxNewTokens: maxNewTokens, eos: eos)
    var queue = AnswerQueue(prompts: prompts, samples: samplesPerPrompt)
    steps = BlockSteps(model: model)
    live.removeAll()
    while !queue.isEmpty || live.count > 0 {
      if shouldStop() { return [] }
      // Places are filled a good many at a time, since small products are slow.
      if live.count <= storage.live * 3 / 4 { admit(&queue, draw.sizes) }
      playRound(draw, &answers)
      if live.count > 0 {
        live.pad(to: paddedRows)
        live.upload()
        run(.decode, draw)
        countDecoded()
      }
    }
    return answers.responses
  }

  private func check(_ prompts: [[Int32]], samples: Int, maxNewTokens: Int) {
    precondition(samples >= 0 && prompts.count * samples <= Int(Int32.max), "too many answers")
    for prompt in prompts {
      precondition(!prompt.isEmpty, "a prompt without tokens")
      precondition(
        prompt.count + maxNewTokens <= storage.maxLength,
        "\(prompt.count) + \(maxNewTokens) tokens for a length of \(storage.maxLength)")
      for token in prompt {
        precondition(token >= 0 && token < model.vocabulary, "token \(token)")
      }
    }
  }

  /// Fills free places with waiting answers, and reads the prompts that are new among theirs.
  private func admit(_ queue: inout AnswerQueue, _ sizes: CacheSizes) {
    let before = live.count
    while !queue.isEmpty && live.freeCount > 0 {
      let prompt = queue.prompts[queue.prompt]
      if queue.sample == 0 {
        queue.slot = live.takePrefix()
        if reading.rowCount + prompt.count > model.device.liveRows { read(sizes) }
        reading.append(prompt, slot: queue.slot)
      }
      live.append(answer: queue.answer, prefix: queue.slot, prefixLength: prompt.count)
      queue.advance()
      if queue.sample == 0 { live.releasePrefix(queue.slot) }
    }
    read(sizes)
    let count = live.count - before
    if count > 0 {
      live.upload()
      model.device.gather(
        UnsafePointer(live.list(.prefixSlot) + before), of: storage.promptLogits,
        into: storage.logits.slice(before, count: count))
    }
  }

  /// Computes the waiting prompts: their keys, values, and what follows them.
  private func read(_ sizes: CacheSizes) {
    let rows = reading.rowCount
    let count = reading.promptCount
    guard count > 0 else { return }
    let device = model.device
    let last = model.shape.layers - 1
    let sequences = reading.upload()
    let positions = UnsafePointer(reading.positions.onDevice)
    let slots = UnsafePointer(reading.slots.onDevice)
    let views = storage.views(rows: rows)
    begin(UnsafePointer(reading.tokens.onDevice), views)
    for layer in 0...last {
      steps.queryKeyValue(layer, normed: views.block.normed, positions: positions, into: views.qkv)
      device.storeKeysAndValues(
        views.qkv, sequences: sequences, heads: model.heads,
        cache: storage.prefix(layer, capacity: sizes.prefix), slots: slots)
      device.attend(
        views.qkv, sequences: sequences, heads: model.heads, into: views.attention,
        logSums: views.logSums, scratch: storage.scratch)
      if layer < last { finish(layer, views) }
    }
    let tail = storage.views(rows: count)
    let lastRows = UnsafePointer(reading.lastRows.onDevice)
    device.gather(lastRows, of: views.stream, into: tail.tailInput)
    device.gather(lastRows, of: views.attention, into: tail.tailAttention)
    steps.finish(last, input: tail.tailInput, attention: tail.tailAttention, rows: tail.block)
    let logits = storage.readLogits.prefix(count)
    score(tail, into: logits)
    device.scatter(logits, to: slots, of: storage.promptLogits)
    countOperations(rows: rows, outputs: count, pairs: reading.pairs)
    reading.removeAll()
  }

  /// Draws some tokens for every live sequence; complete answers leave.
  private func playRound(_ draw: Draw, _ answers: inout AnswerTable) {
    live.pad(to: paddedRows)
    let rows = live.rows
    let shortest = (0..<live.count).lazy.map { self.live[.length, $0] }.min() ?? 0
    let steps = min(model.device.roundSteps, draw.longest - Int(shortest))
    drawUniforms(draw, steps: steps, rows: rows)
    live.upload()
    for step in 0..<steps {
      run(.extend, draw)
      if step + 1 < steps { run(.decode, draw) }
    }
    live.download()
    storage.download(drawn: steps * rows)
    harvest(&answers, steps: steps, rows: rows)
  }

  private func drawUniforms(_ draw: Draw, steps: Int, rows: Int) {
    guard draw.temperature > 0 else { return }
    let ahead = storage.uniformsAhead
    ahead.resize(steps * rows)
    for step in 0..<steps {
      for row in 0..<rows {
        ahead.base[step * rows + row] =
          row < live.count
          ? draw.stream.uniform(
            draw.step, UInt32(live.answer(of: row)), UInt32(live[.length, row]) + UInt32(step)) : 0
      }
    }
    ahead.upload()
    model.device.upload(ahead.base, to: storage.uniforms, count: rows)
  }

  /// Takes over what a round drew.
  private func harvest(_ answers: inout AnswerTable, steps: Int, rows: Int) {
    var kept = 0
    var decoded = (rows: 0, pairs: 0)
    for row in 0..<live.count {
      let answer = Int(live.answer(of: row))
      var complete = false
      for step in 0..<steps where !complete {
        let place = step * rows + row
        complete = answers.append(
          storage.drawnTokens.base[place], logProb: storage.drawnLogProbs.base[place],
          entropy: storage.drawnEntropies.base[place], to: answer)
        if !complete && step + 1 < steps {
          decoded.rows += 1
          decoded.pairs += Int(live[.prefixLength, row]) + answers.length(of: answer)
        }
      }
      if complete {
        live.release(row)
      } else {
        live.move(row, to: kept)
        kept += 1
      }
    }
    live.truncate(to: kept)
    countOperations(rows: decoded.rows, outputs: decoded.rows, pairs: decoded.pairs)
  }

  private func countDecoded() {
    var pairs = 0
    for row in 0..<live.count { pairs += Int(live[.position, row]) + 1 }
    countOperations(rows: live.count, outputs: live.count, pairs: pairs)
  }

  /// Rows that operations work on for the present sequences.
  private var paddedRows: Int {
    guard recordsSteps else { return live.count }
    let step = live.count <= 64 ? 8 : 64
    return min((live.count + step - 1) / step * step, storage.live)
  }

  /// Runs the operations of a step, recorded ones where the device records.
  private func run(_ part: StepKey.Part, _ draw: Draw) {
    guard recordsSteps else {
      perform(part, draw)
      return
    }
    let key = StepKey(part, rows: live.rows, draw)
    if captured[key] == nil {
      if captured.count >= RolloutEngine.mostCaptured {
        captured[capturedOrder.removeFirst()] = nil
      }
      captured[key] = model.device.capture { perform(part, draw) }
      capturedOrder.append(key)
    }
    captured[key]?.run()
  }

  /// Recordings kept at a time.
  private static let mostCaptured = 128

  private func perform(_ part: StepKey.Part, _ draw: Draw) {
    switch part {
    case .extend: extend(draw)
    case .decode: decode(draw.sizes)
    }
  }

  /// Draws the next token of every row, and scores it.
  private func extend(_ draw: Draw) {
    let device = model.device
    let rows = live.rows
    let logits = storage.logits.prefix(rows)
    let tokens = live.list(.token)
    if draw.temperature == 0 {
      device.likeliestTokens(logits, vocabulary: model.vocabulary, into: tokens)
    } else {
      var candidates = logits
      if draw.topP < 1 {
        candidates = storage.nucleus.prefix(rows)
        device.restrictToNucleus(
          logits, vocabulary: model.vocabulary, inverseTemperature: draw.inverseTemperature,
          share: draw.topP, into: candidates, scratch: storage.scratch)
      }
      device.sampleTokens(
        candidates, vocabulary: model.vocabulary, uniforms: UnsafePointer(storage.uniforms),
        inverseTemperature: draw.inverseTemperature, into: tokens, scratch: storage.scratch)
    }
    device.scoreTokens(
      logits, vocabulary: model.vocabulary, targets: UnsafePointer(tokens),
      inverseTemperature: draw.inverseTemperature, logProbs: storage.logProbs,
      entropies: storage.entropies)
    device.extend(
      GrowingAnswers(
        drawnTokens: storage.drawnTokens.onDevice, drawnLogProbs: storage.drawnLogProbs.onDevice,
        drawnEntropies: storage.drawnEntropies.onDevice,
        uniformsAhead: UnsafePointer(storage.uniformsAhead.onDevice), uniforms: storage.uniforms,
        step: live.step, lengths: live.list(.length), positions: live.list(.position),
        suffixLengths: live.list(.suffixLength), complete: live.list(.complete), rows: rows,
        round: min(device.roundSteps, draw.longest), longest: draw.longest, endToken: draw.eos),
      tokens: UnsafePointer(tokens), logProbs: UnsafePointer(storage.logProbs),
      entropies: UnsafePointer(storage.entropies))
  }

  /// Feeds the last token of every row.
  private func decode(_ sizes: CacheSizes) {
    let rows = live.rows
    let device = model.device
    let last = model.shape.layers - 1
    let views = storage.views(rows: rows)
    let decodeRows = DecodeRows(
      prefixSlot: UnsafePointer(live.list(.prefixSlot)),
      prefixLength: UnsafePointer(live.list(.prefixLength)),
      suffixSlot: UnsafePointer(live.list(.suffixSlot)),
      suffixLength: UnsafePointer(live.list(.suffixLength)))
    begin(UnsafePointer(live.list(.token)), views)
    for layer in 0...last {
      steps.queryKeyValue(
        layer, normed: views.block.normed, positions: UnsafePointer(live.list(.position)),
        into: views.qkv)
      device.attendDecoding(
        views.qkv, prefix: storage.prefix(layer, capacity: sizes.prefix),
        suffix: storage.suffix(layer, capacity: sizes.suffix), rows: decodeRows,
        heads: model.heads, into: views.attention, scratch: storage.scratch)
      if layer < last {
        finish(layer, views)
      } else {
        steps.finish(layer, input: views.stream, attention: views.attention, rows: views.block)
      }
    }
    score(views, into: storage.logits.prefix(rows))
  }

  private func begin(_ tokens: UnsafePointer<Int32>, _ views: RolloutViews) {
    model.device.embed(tokens, model.weights.embedding, into: views.stream)
    model.device.rmsNorm(
      views.stream, weight: model.weights.blocks[0].attentionNorm, into: views.block.normed,
      rstd: storage.streamRstd)
  }

  /// The end of a block and the norm of the next.
  private func finish(_ layer: Int, _ views: RolloutViews) {
    steps.finish(layer, input: views.stream, attention: views.attention, rows: views.block)
    model.device.addAndNorm(
      views.block.middle, views.block.projected,
      weight: model.weights.blocks[layer + 1].attentionNorm, sum: views.stream,
      into: views.block.normed, rstd: storage.streamRstd)
  }

  private func score(_ views: RolloutViews, into logits: Matrix) {
    model.device.addAndNorm(
      views.block.middle, views.block.projected, weight: model.weights.finalNorm,
      sum: views.tailInput, into: views.finalNormed, rstd: storage.streamRstd)
    model.device.multiply(views.finalNormed, steps.panels.head, into: logits)
  }

  private func countOperations(rows: Int, outputs: Int, pairs: Int) {
    floatingPointOperations +=
      Double(model.shape.layers - 1) * steps.operations(rows: rows, outputRows: rows, pairs: pairs)
      + steps.operations(rows: rows, outputRows: outputs, pairs: pairs)
      + steps.headOperations(rows: outputs)
  }
}

/// How tokens are drawn in one call.
private struct Draw {
  var stream: RandomStream
  var step: UInt32
  var temperature: Double
  var topP: Double
  /// Tokens of an answer at most, and the one that ends it.
  var longest: Int
  var eos: Int32
  var sizes: CacheSizes

  /// Greedy answers are scored at temperature 1.
  var inverseTemperature: Float { temperature == 0 ? 1 : Float(1 / temperature) }
}

/// Tokens that a slot holds in one call.
private struct CacheSizes: Hashable {
  var prefix: Int
  var suffix: Int
}

/// What recorded operations depend on.
private struct StepKey: Hashable {
  enum Part { case extend, decode }

  private let part: Part
  private let rows: Int
  /// Of drawing alone.
  private let inverseTemperature: Float
  private let isGreedy: Bool
  private let topP: Double
  private let longest: Int
  private let eos: Int32
  /// Of decoding alone.
  private let sizes: CacheSizes

  init(_ part: Part, rows: Int, _ draw: Draw) {
    let draws = part == .extend
    self.part = part
    self.rows = rows
    inverseTemperature = draws ? draw.inverseTemperature : 0
    isGreedy = draws && draw.temperature == 0
    topP = draws ? draw.topP : 0
    longest = draws ? draw.longest : 0
    eos = draws ? draw.eos : 0
    sizes = draws ? CacheSizes(prefix: 0, suffix: 0) : draw.sizes
  }
}

/// The answers that wait, by prompt, then by sample.
private struct AnswerQueue {
  let prompts: [[Int32]]
  let samples: Int
  private(set) var prompt = 0
  private(set) var sample = 0
  /// Where the prompt's keys and values are, from its first sample on.
  var slot: Int32 = 0

  init(prompts: [[Int32]], samples: Int) {
    self.prompts = prompts
    self.samples = samples
  }

  var isEmpty: Bool { prompt == prompts.count }
  var answer: Int { prompt * samples + sample }

  mutating func advance() {
    sample += 1
    guard sample == samples else { return }
    sample = 0
    prompt += 1
  }
}
