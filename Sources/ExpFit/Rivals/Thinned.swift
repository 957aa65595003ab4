/// Neighbouring points put together, so that a search over many numbers looks at few.
struct Thinned {
  /// Blocks at most.
  static let limit = 64

  let x: [Double]
  let y: [Double]
  /// Points in each block.
  let weights: [Double]

  /// Means of x and y over blocks of equal numbers of points, the last of what is left.
  init(_ x: ArraySlice<Double>, _ y: ArraySlice<Double>) {
    let size = max(1, (x.count + Thinned.limit - 1) / Thinned.limit)
    var (means, values, weights) = ([Double](), [Double](), [Double]())
    var start = 0
    while start < x.count {
      let end = min(start + size, x.count)
      var (sumX, sumY) = (0.0, 0.0)
      for offset in start..<end {
        sumX += x[x.startIndex + offset]
        sumY += y[y.startIndex + offset]
      }
      let weight = Double(end - start)
      means.append(sumX / weight)
      values.append(sumY / weight)
      weights.append(weight)
      start = end
    }
    (self.x, self.y, self.weights) = (means, values, weights)
  }
}
