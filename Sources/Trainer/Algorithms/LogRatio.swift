internal import Glibc

/// Exponentials of log ratios.
package enum LogRatio {
  /// Returns `exp(x)`, finite for every finite `x`: beyond 700 it stays at `exp(700)`, which no clip or norm lets through.
  package static func exponential(_ x: Double) -> Double {
    x == 0 ? 1 : exp(min(x, 700))
  }
}
