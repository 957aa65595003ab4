import Testing
import Trainer

@Suite("pass@k")
struct PassAtKTests {
  /// The share of all sets of k answers that have a right one, by counting them.
  private func counted(samples: Int, right: Int, k: Int) -> Double {
    var (sets, hits) = (0, 0)
    for mask in 0..<(1 << samples) where mask.nonzeroBitCount == k {
      sets += 1
      if mask & ((1 << right) - 1) != 0 { hits += 1 }
    }
    return Double(hits) / Double(sets)
  }

  @Test("It is the share of sets of k answers with a right one", arguments: 1...8)
  func estimate(samples: Int) {
    for right in 0...samples {
      for k in 1...samples {
        let value = PassAtK.estimate(samples: samples, right: right, k: k)
        #expect(abs(value - counted(samples: samples, right: right, k: k)) < 1e-12)
      }
    }
  }

  @Test("A thousand answers are no trouble, and k = 1 is the mean")
  func large() {
    #expect(PassAtK.estimate(samples: 1024, right: 0, k: 512) == 0)
    #expect(PassAtK.estimate(samples: 1024, right: 1024, k: 1) == 1)
    #expect(abs(PassAtK.estimate(samples: 1024, right: 1, k: 512) - 0.5) < 1e-9)
    for right in [0, 1, 37, 1000] {
      let value = PassAtK.estimate(samples: 1000, right: right, k: 1)
      #expect(abs(value - Double(right) / 1000) < 1e-12)
    }
  }

  @Test("Every k up to 16 is recorded, then powers of two and the count itself")
  func recorded() {
    #expect(PassAtK.recorded(samples: 1) == [1])
    #expect(PassAtK.recorded(samples: 4) == [1, 2, 3, 4])
    #expect(PassAtK.recorded(samples: 16) == Array(1...16))
    #expect(PassAtK.recorded(samples: 100) == Array(1...16) + [32, 64, 100])
    #expect(PassAtK.recorded(samples: 64) == Array(1...16) + [32, 64])
  }
}
