internal import ExpFit

/// The parts that reports of fits and of predictions share.
enum PredictionText {
  static func interval(_ value: Double, _ interval: Interval?) -> String {
    NumberText.interval(value, interval?.low, interval?.high)
  }

  static func percent(_ level: Double) -> String {
    "\(NumberText.fixed(level * 100, decimals: level * 100 == (level * 100).rounded() ? 0 : 1))%"
  }

  static func count(_ number: Int, _ noun: String) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
  }

  /// A sentence of a list, broken at the width; `✗` marks what contradicts the law.
  static func bullet(_ words: String, isGrave: Bool = false, _ style: Style) -> [String] {
    let lines = DisplayText.wrapped(
      DisplayText.clean(words), to: style.width.map { max($0 - 4, 20) })
    let mark = style.paint(isGrave ? "✗" : "!", isGrave ? .red : .yellow)
    return lines.enumerated().map { ($0 == 0 ? "  \(mark) " : "    ") + $1 }
  }

  /// Prediction, naive predictions and truth of one size.
  static func table(of test: SizeTest) -> TextTable {
    let forecast = test.forecast
    func naive(_ name: String, _ numbers: LawNumbers, _ error: LawNumbers) -> [TextTable.Cell] {
      [
        .init(name), .init(NumberText.significant(numbers.a)),
        .init(NumberText.significant(numbers.b)), .init(NumberText.significant(numbers.ceiling)),
        .init(signed(error.ceiling)),
      ]
    }
    return TextTable(
      columns: columns(level: forecast.level) + [.init("error", .right)],
      rows: [predicted(forecast) + [.init(signed(test.error.ceiling))]]
        + formRows(forecast).map { form, cells in
          cells + [.init(signed(test.formErrors[form]?.ceiling))]
        } + [
          naive(naiveLargest, forecast.naiveLargest, test.naiveLargestError),
          naive(naiveMean, forecast.naiveMean, test.naiveMeanError),
          [
            .init("measured"), .init(NumberText.significant(test.observed.a)),
            .init(NumberText.significant(test.observed.b)),
            .init(NumberText.significant(test.observed.ceiling)), "",
          ],
        ])
  }

  static let naiveLargest = "as largest"
  static let naiveMean = "as mean"
  /// What the short names of the naive predictions stand for.
  static let naiveWords =
    "as largest, as mean: the naive predictions 'same as the largest size run' and 'mean of the "
    + "sizes'; error: that of the ceiling, predicted less measured"

  static func columns(level: Double) -> [TextTable.Column] {
    ["a", "b", "ceiling"].reduce([.init("")]) {
      $0 + [TextTable.Column("\($1) [\(percent(level))]", .right)]
    }
  }

  /// A prediction's row, without the ceiling where it is withheld.
  static func predicted(_ forecast: SizeForecast, withheld: Bool = false) -> [TextTable.Cell] {
    let ceiling = interval(forecast.ceiling.value, forecast.ceiling.interval)
    return [
      .init("predicted"), .init(interval(forecast.a.value, forecast.a.interval)),
      .init(interval(forecast.b.value, forecast.b.interval)),
      .init(withheld ? NumberText.missing : ceiling),
    ]
  }

  /// What each form says by itself, with its share of the evidence; nothing where there is one only.
  static func formRows(
    _ forecast: SizeForecast, withheld: Bool = false
  ) -> [(form: ScalingForm, cells: [TextTable.Cell])] {
    guard forecast.forms.count > 1 else { return [] }
    return forecast.forms.map { form in
      let ceiling = interval(form.ceiling.value, form.ceiling.interval)
      return (
        form.form,
        [
          .init("- \(words(form.form)), \(percent(form.weight, decimals: 0))"),
          .init(interval(form.a.value, form.a.interval)),
          .init(interval(form.b.value, form.b.interval)),
          .init(withheld ? NumberText.missing : ceiling),
        ]
      )
    }
  }

  static func words(_ form: ScalingForm) -> String {
    switch form {
    case .logLinear: "line in ln N"
    case .powerLaw: "power of N"
    case .average: "average"
    }
  }

  /// Which form the prediction is, and why.
  static func formWords(_ forecast: SizeForecast) -> String? {
    guard forecast.forms.count > 1 else { return nil }
    let decisive = percent(FormForecast.decisiveWeight, decimals: 0)
    let shares = "the percentages are the forms' shares of the evidence"
    if forecast.form == .average {
      return
        "neither form has more than \(decisive) of the evidence, so the prediction is their average "
        + "and its interval holds both; \(shares)"
    }
    return
      "the prediction is the \(words(forecast.form)), which has more than \(decisive) of the "
      + "evidence; \(shares)"
  }

  private static func percent(_ share: Double, decimals: Int) -> String {
    "\(NumberText.fixed(share * 100, decimals: decimals))%"
  }

  /// Whether a prediction was any good, in sentences.
  static func verdict(on test: SizeTest, ceilings: Interval?) -> [String] {
    var words: [String] = []
    if let inside = test.isCeilingInside {
      words.append("the measured ceiling lies \(inside ? "inside" : "OUTSIDE") the interval")
    }
    words += width(of: test.forecast.ceiling.interval, against: ceilings)
    words.append(
      test.beatsNaive
        ? "the prediction beats both naive ones" : "the prediction does NOT beat both naive ones")
    words.append(
      "score at the last H: predicted \(NumberText.significant(test.predictedFinalScore)), "
        + "measured \(NumberText.significant(test.lastScore)) (best "
        + "\(NumberText.significant(test.bestScore))); RMSE of the predicted curve "
        + NumberText.significant(test.curveRMSE, digits: 2))
    return words
  }

  /// The interval's width beside the range of the ceilings it was learnt from: how much it says.
  static func width(of interval: Interval?, against ceilings: Interval?) -> [String] {
    guard let interval else { return ["no interval: there are fewer than 3 sizes"] }
    guard let ceilings else { return [] }
    return [
      "the interval is \(NumberText.significant(interval.width, digits: 2)) wide; "
        + "the ceilings of the runs fitted range over "
        + "\(NumberText.significant(ceilings.width, digits: 2)) "
        + "(\(NumberText.significant(ceilings.low)) to \(NumberText.significant(ceilings.high)))"
    ]
  }

  /// Each size predicted from the others, the largest in full.
  static func leaveOneOut(_ result: LeaveOneSizeOut, _ style: Style) -> String {
    let largest = result.largest
    let heading = "leaving the largest size out (\(NumberText.size(largest.forecast.size)))"
    var lines = [style.paint(heading, .bold), table(of: largest).rendered(style)]
    lines += DisplayText.wrapped(
      "ceiling's error over all \(result.tests.count) sizes left out in turn, RMSE: predicted "
        + "\(NumberText.significant(result.rmse.ceiling, digits: 2))\(formErrors(result)), \(naiveLargest) "
        + "\(NumberText.significant(result.naiveLargestRMSE.ceiling, digits: 2)), \(naiveMean) "
        + NumberText.significant(result.naiveMeanRMSE.ceiling, digits: 2), to: style.width)
    lines += DisplayText.wrapped(naiveWords, to: style.width)
    return lines.joined(separator: "\n")
  }

  private static func formErrors(_ result: LeaveOneSizeOut) -> String {
    let errors = [ScalingForm.logLinear, .powerLaw].compactMap { form in
      result.rmse(of: form).map {
        "\(words(form)) \(NumberText.significant($0.ceiling, digits: 2))"
      }
    }
    return errors.count > 1 ? " (\(errors.joined(separator: ", ")))" : ""
  }

  private static func signed(_ value: Double?) -> String {
    guard let value else { return NumberText.missing }
    let text = NumberText.fixed(value, decimals: 3)
    return value > 0 ? "+\(text)" : text
  }
}
