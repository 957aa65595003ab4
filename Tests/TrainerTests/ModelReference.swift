import ExpCore
import Glibc

import Trainer

/// The same transformer written down a second time: plain loops in double precision, one sequence at a time.
struct ModelReference {
  let shape: ModelShape
  let vocabulary: Int
  var tensors: [String: [Double]]

  init(_ model: PolicyModel) {
    shape = model.shape
    vocabulary = model.vocabulary
    tensors = [:]
    for tensor in model.tensors {
      tensors[tensor.name] = model.parameters[tensor.range].map(Double.init)
    }
  }

  struct Scores {
    var logProbs: [Double] = []
    var entropies: [Double] = []
  }

  func scores(_ batch: TokenBatch, temperature: Double) -> Scores {
    var result = Scores()
    for index in 0..<batch.sequenceCount {
      let tokens = Array(batch.tokens[batch.offsets[index]..<batch.offsets[index + 1]])
      let states = finalStates(tokens)
      for position in batch.promptLengths[index]..<tokens.count {
        let logits = self.logits(states[position - 1]).map { $0 / temperature }
        let largest = logits.max() ?? 0
        let total = logits.reduce(0) { $0 + exp($1 - largest) }
        let logProbs = logits.map { $0 - largest - log(total) }
        result.logProbs.append(logProbs[Int(tokens[position])])
        result.entropies.append(-logProbs.reduce(0) { $0 + exp($1) * $1 })
      }
    }
    return result
  }

  /// A critic's value of the state before every scored token.
  func values(_ batch: TokenBatch) -> [Double] {
    (0..<batch.sequenceCount).flatMap { index in
      let tokens = Array(batch.tokens[batch.offsets[index]..<batch.offsets[index + 1]])
      let states = finalStates(tokens)
      return (batch.promptLengths[index]..<tokens.count).map { position in
        zip(states[position - 1], weight("value_head.weight")).reduce(weight("value_head.bias")[0])
        {
          $0 + $1.0 * $1.1
        }
      }
    }
  }

  private func weight(_ name: String) -> [Double] { tensors[name] ?? [] }

  /// x W for W stored input channels first.
  private func product(_ x: [Double], _ name: String) -> [Double] {
    let w = weight(name)
    let outputs = w.count / x.count
    var y = [Double](repeating: 0, count: outputs)
    for i in x.indices {
      for o in 0..<outputs { y[o] += x[i] * w[i * outputs + o] }
    }
    return y
  }

  private func norm(_ x: [Double], _ name: String) -> [Double] {
    let w = weight(name)
    let rms = (x.reduce(0) { $0 + $1 * $1 } / Double(x.count) + 1e-6).squareRoot()
    return x.indices.map { x[$0] / rms * w[$0] }
  }

  private func rotated(_ head: [Double], position: Int) -> [Double] {
    let half = head.count / 2
    var result = head
    for i in 0..<half {
      let angle = Double(position) / pow(10000, 2 * Double(i) / Double(head.count))
      result[i] = head[i] * cos(angle) - head[half + i] * sin(angle)
      result[half + i] = head[half + i] * cos(angle) + head[i] * sin(angle)
    }
    return result
  }

  private func logits(_ state: [Double]) -> [Double] {
    let head = weight(shape.tiedEmbeddings ? "embedding.weight" : "head.weight")
    return (0..<vocabulary).map { token in
      state.indices.reduce(0) { $0 + state[$1] * head[token * state.count + $1] }
    }
  }

  private func finalStates(_ tokens: [Int32]) -> [[Double]] {
    let width = shape.width
    let embedding = weight("embedding.weight")
    var stream = tokens.map { Array(embedding[Int($0) * width..<(Int($0) + 1) * width]) }
    for layer in 0..<shape.layers {
      let name = "layers.\(layer)"
      let mixed = attention(stream.map { norm($0, "\(name).attention.norm.weight") }, name)
      for t in stream.indices {
        let output = product(mixed[t], "\(name).attention.output.weight")
        for c in 0..<width { stream[t][c] += output[c] }
        let gateUp = product(
          norm(stream[t], "\(name).mlp.norm.weight"), "\(name).mlp.gate_up.weight")
        let activated = (0..<shape.hidden).map { h in
          gateUp[h] / (1 + exp(-gateUp[h])) * gateUp[shape.hidden + h]
        }
        let down = product(activated, "\(name).mlp.down.weight")
        for c in 0..<width { stream[t][c] += down[c] }
      }
    }
    return stream.map { norm($0, "final_norm.weight") }
  }

  private func attention(_ normed: [[Double]], _ name: String) -> [[Double]] {
    let size = shape.headWidth
    let bias = weight("\(name).attention.query_key_value.bias")
    let rows = normed.map { x in
      let row = product(x, "\(name).attention.query_key_value.weight")
      return bias.isEmpty ? row : zip(row, bias).map(+)
    }
    func head(_ t: Int, _ index: Int) -> [Double] {
      Array(rows[t][index * size..<(index + 1) * size])
    }
    var result = normed.map { _ in [Double](repeating: 0, count: shape.width) }
    for h in 0..<shape.heads {
      let group = h / (shape.heads / shape.kvHeads)
      let keys = rows.indices.map { rotated(head($0, shape.heads + group), position: $0) }
      let values = rows.indices.map { head($0, shape.heads + shape.kvHeads + group) }
      for t in rows.indices {
        let query = rotated(head(t, h), position: t)
        let scores = (0...t).map { j in
          query.indices.reduce(0) { $0 + query[$1] * keys[j][$1] } / Double(size).squareRoot()
        }
        let largest = scores.max() ?? 0
        let weights = scores.map { exp($0 - largest) }
        let total = weights.reduce(0, +)
        for j in 0...t {
          for d in 0..<size { result[t][h * size + d] += weights[j] / total * values[j][d] }
        }
      }
    }
    return result
  }
}
