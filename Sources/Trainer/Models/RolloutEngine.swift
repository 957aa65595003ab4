import ExpCore
import TrainerTensor

/// Samples answers with cached keys and values.
///
/// A prompt is read once for all its samples, sequences decode together, and finished ones leave at once. Token t of
/// sample s of prompt p is drawn from `stream.uniform(step, p * samples + s, t)`, and its log-probability has the bits
/// that `TrainingPass` computes; neither depends on what else is being sampled.
package final class RolloutEngine {
  /// Floating-point operations since the caller last set it to 0: products, attention and head, for tokens that were computed.
  package var floatingPointOperations: Double = 0

  private let model: PolicyModel
  private var steps: BlockSteps
  private let storage: RolloutStorage
  private let live: LiveSequences
  private let reading: PromptRows
  private var nucleus: NucleusFilter

  /// Takes memory for `maxSequences` sequences at a time, or fewer where that is faster, of `maxLength` tokens.
  ///
  /// - Precondition: the model's output are tokens.
  package init(model: PolicyModel, maxSequences: Int, maxLength: Int) {
    precondition(model.output == .tokens, "a critic samples nothing")
    self.model = model
    steps = BlockSteps(model: model)
    storage = RolloutStorage(
      model, maxSequences: maxSequences, maxLength: min(max(maxLength, 1), model.contextLength))
    live = LiveSequences(capacity: storage.live)
    nucleus = NucleusFilter(vocabulary: model.vocabulary)
    reading = PromptRows(rows: RolloutStorage.prefillRows + storage.maxLength)
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
    let draw = Draw(stream: stream, step: step, temperature: temperature, topP: topP)
    let sizes = CacheSizes(
      prefix: RolloutStorage.padded(prompts.lazy.map(\.count).max() ?? 1),
      suffix: RolloutStorage.padded(maxNewTokens))
    var answers = AnswerTable(
      prompts: prompts.count, samples: samplesPerPrompt, maxNewTokens: maxNewTokens, eos: eos)
    var queue = AnswerQueue(prompts: prompts, samples: samplesPerPrompt)
    steps = BlockSteps(model: model)
    live.removeAll()
    while !queue.isEmpty || live.count > 0 {
      if shouldStop() { return [] }
      // Places are filled a good many at a time, since small products are slow.
      if live.count <= storage.live * 3 / 4 { admit(&queue, sizes) }
      extend(draw, &answers)
      if live.count > 0 { decode(sizes) }
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
        if reading.rowCount + prompt.count > RolloutStorage.prefillRows { read(sizes) }
        reading.append(prompt, slot: queue.slot)
      }
      live.append(answer: queue.answer, prefix: queue.slot, prefixLength: prompt.count)
      queue.advance()
      if queue.sample == 0 { live.releasePrefix(queue.slot) }
    }
    read(sizes)
    let count = live.count - before
    if count > 0 {
      model.device.gather(
        UnsafePointer(live.prefixSlot.base + before), of: storage.promptLogits,
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
    let positions = UnsafePointer(reading.positions.base)
    let sequences = PackedSequences(offsets: UnsafePointer(reading.offsets.base), count: count)
    let views = storage.views(rows: rows)
    begin(UnsafePointer(reading.tokens.base), views)
    for layer in 0...last {
      steps.queryKeyValue(layer, normed: views.block.normed, positions: positions, into: views.qkv)
      device.storeKeysAndValues(
        views.qkv, sequences: sequences, heads: model.heads,
        cache: storage.prefix(layer, capacity: sizes.prefix),
        slots: UnsafePointer(reading.slots.base))
      device.attend(
        views.qkv, sequences: sequences, heads: model.heads, into: views.attention,
        logSums: views.logSums, scratch: storage.scratch)
      if layer < last { finish(layer, views) }
    }
    let tail = storage.views(rows: count)
    let lastRows = UnsafePointer(reading.lastRows.base)
    device.gather(lastRows, of: views.stream, into: tail.tailInput)
    device.gather(lastRows, of: views.attention, into: tail.tailAttention)
    steps.finish(last, input: tail.tailInput, attention: tail.tailAttention, rows: tail.block)
    let logits = storage.readLogits.prefix(count)
    score(tail, into: logits)
    for index in 0..<count {
      storage.promptLogits.slice(Int(reading.slots[index]), count: 1).base.update(
        from: logits.slice(index, count: 1).base, count: logits.columns)
    }
    countOperations(rows: rows, outputs: count, pairs: reading.pairs)
    reading.removeAll()
  }

  /// Draws the next token of every live sequence; complete answers leave.
  private func extend(_ draw: Draw, _ answers: inout AnswerTable) {
    let rows = live.count
    let logits = storage.logits.prefix(rows)
    if draw.temperature == 0 {
      model.device.likeliestTokens(logits, vocabulary: model.vocabulary, into: live.token.base)
    } else {
      for row in 0..<rows {
        live.uniform[row] = draw.stream.uniform(
          draw.step, UInt32(live.answer[row]), UInt32(live.length[row]))
      }
      var candidates = logits
      if draw.topP < 1 {
        candidates = storage.nucleus.prefix(rows)
        nucleus.restrict(
          logits, inverseTemperature: draw.inverseTemperature, share: draw.topP, into: candidates)
      }
      model.device.sampleTokens(
        candidates, vocabulary: model.vocabulary, uniforms: UnsafePointer(live.uniform.base),
        inverseTemperature: draw.inverseTemperature, into: live.token.base,
        scratch: storage.scratch)
    }
    model.device.scoreTokens(
      logits, vocabulary: model.vocabulary, targets: UnsafePointer(live.token.base),
      inverseTemperature: draw.inverseTemperature, logProbs: storage.logProbs,
      entropies: storage.entropies)
    var kept = 0
    for row in 0..<rows {
      live.length[row] += 1
      let complete = answers.append(
        live.token[row], logProb: storage.logProbs[row], entropy: storage.entropies[row],
        to: Int(live.answer[row]))
      if complete {
        live.release(row)
      } else {
        live.move(row, to: kept)
        kept += 1
      }
    }
    live.truncate(to: kept)
  }

  /// Feeds the last token of every live sequence.
  private func decode(_ sizes: CacheSizes) {
    let rows = live.count
    let device = model.device
    let last = model.shape.layers - 1
    let views = storage.views(rows: rows)
    let decodeRows = DecodeRows(
      prefixSlot: UnsafePointer(live.prefixSlot.base),
      prefixLength: UnsafePointer(live.prefixLength.base),
      suffixSlot: UnsafePointer(live.suffixSlot.base),
      suffixLength: UnsafePointer(live.suffixLength.base))
    begin(UnsafePointer(live.token.base), views)
    for layer in 0...last {
      steps.queryKeyValue(
        layer, normed: views.block.normed, positions: UnsafePointer(live.position.base),
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
    var pairs = 0
    for row in 0..<rows {
      live.suffixLength[row] += 1
      live.position[row] += 1
      pairs += Int(live.position[row])
    }
    countOperations(rows: rows, outputs: rows, pairs: pairs)
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

  /// Greedy answers are scored at temperature 1.
  var inverseTemperature: Float { temperature == 0 ? 1 : Float(1 / temperature) }
}

/// Tokens that a slot holds in one call.
private struct CacheSizes {
  var prefix: Int
  var suffix: Int
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
