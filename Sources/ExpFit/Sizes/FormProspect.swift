/// A form's numbers at a size before they are cut into intervals.
struct FormProspect {
  let form: ScalingForm
  var weight: Double
  let a: Prospect
  let b: Prospect
  let ceiling: Prospect

  func forecast(level: Double) -> FormForecast {
    FormForecast(
      form: form, weight: weight, a: a.estimate(level: level), b: b.estimate(level: level),
      ceiling: ceiling.estimate(level: level))
  }

  static func average(_ one: FormProspect, _ other: FormProspect, level: Double) -> FormForecast {
    func mean(_ part: (FormProspect) -> Prospect) -> Estimate {
      Prospect.average(part(one), part(other), firstWeight: one.weight, level: level)
    }
    return FormForecast(
      form: .average, weight: 1, a: mean(\.a), b: mean(\.b), ceiling: mean(\.ceiling))
  }
}

extension FormProspect {
  /// nil where a power leaves the range of numbers.
  init?(_ power: PowerFit, at logSize: Double, weight: Double) {
    let spreads = [
      power.a.error.spread(of: power.a.weights(at: logSize), forNewRun: true),
      power.b.error.spread(of: power.b.weights(at: logSize), forNewRun: true),
      power.ceilingSpread(at: logSize),
    ]
    let values = [power.a.value(at: logSize), power.b.value(at: logSize)]
    guard (values + spreads.compactMap { $0?.variance }).allSatisfy(\.isFinite) else { return nil }
    self.init(
      form: .powerLaw, weight: weight, a: Prospect(value: values[0], spread: spreads[0]),
      b: Prospect(value: values[1], spread: spreads[1]),
      ceiling: Prospect(value: values[1] - values[0], spread: spreads[2]))
  }
}
