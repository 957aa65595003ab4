import ExpCore
import ExpFit
import Testing

@Suite("Student's t")
struct StudentTTests {
  @Test("quantiles equal scipy's to 1e-10")
  func quantiles() throws {
    let rows = try reference().elements("t_quantiles")
    #expect(rows.count == 100)
    for row in rows {
      let values = (row.array ?? []).compactMap(\.number)
      let found = StudentT.quantile(values[1], degreesOfFreedom: values[0])
      #expect(agree(found, values[2], 1e-10), "dof \(values[0]), p \(values[1]): \(found)")
    }
  }

  @Test("one degree of freedom is Cauchy's distribution, two have a closed form")
  func closedForms() {
    #expect(agree(StudentT.quantile(0.975, degreesOfFreedom: 1), 12.706204736174707, 1e-12))
    let p = 0.9
    let expected = (2 * p - 1) / (2 * p * (1 - p)).squareRoot()
    #expect(agree(StudentT.quantile(p, degreesOfFreedom: 2), expected, 1e-12))
  }

  @Test("the expansion for many degrees meets the solved quantile")
  func continuity() {
    let below = StudentT.quantile(0.975, degreesOfFreedom: 999_999)
    let above = StudentT.quantile(0.975, degreesOfFreedom: 1_000_001)
    #expect(agree(below, above, 1e-9))
    #expect(below > above)
  }
}
