internal import ExpCore
internal import FoundationEssentials
package import TrainerProtocol

/// `request.json`: written once, read ever after.
package enum RequestFile {
  /// Writes the request where there is none, and returns the one that counts.
  ///
  /// An earlier request keeps its arithmetic and its checkpoint interval, so that a resumed run gives the same bits
  /// on whatever settings the sweep has today; in everything that determines the numbers it must agree, and in what a
  /// GPU computes, which is no mere matter of rounding, and for which a sweep sets aside what its runs need.
  package static func settle(_ request: RunRequest, in folder: RunFolder) throws(ScheduleError)
    -> RunRequest
  {
    guard let earlier = try read(folder) else {
      try SmallFile.write(text(of: request), to: folder.request, in: folder.path)
      return request
    }
    if let key = firstDifference(earlier, request) {
      throw .requestDiffers(path: folder.request, key: key)
    }
    let kernels = [earlier.compute, request.compute]
    guard kernels[0].kernelSet == kernels[1].kernelSet || !kernels.contains(where: \.usesGPU)
    else {
      throw .otherDevice(earlier: earlier.compute.kernelSet, now: request.compute.kernelSet)
    }
    return earlier
  }

  /// Returns the request of a run; nil where there is none yet.
  static func read(_ folder: RunFolder) throws(ScheduleError) -> RunRequest? {
    guard let bytes = try SmallFile.read(folder.request) else { return nil }
    do {
      return try JSONDecoder().decode(RunRequest.self, from: Data(bytes))
    } catch {
      throw .unreadable(path: folder.request, reason: "it is no request of a run")
    }
  }

  private static func text(of request: RunRequest) throws(ScheduleError) -> [UInt8] {
    do {
      return Array((try JSONValue(encoding: request).prettyJSON + "\n").utf8)
    } catch {
      throw .unreadable(path: "the request", reason: error.description)
    }
  }

  private static func firstDifference(_ one: RunRequest, _ other: RunRequest) -> String? {
    if one.schema != other.schema { return "schema" }
    if one.id != other.id { return "id" }
    if one.kind != other.kind { return "kind" }
    if one.config != other.config { return "config" }
    if one.base?.id != other.base?.id { return "base.id" }
    if one.base?.sha256 != other.base?.sha256 { return "base.sha256" }
    if one.base?.checkpoint != other.base?.checkpoint { return "base.checkpoint" }
    if one.sourceFingerprint != other.sourceFingerprint { return "source_fingerprint" }
    return nil
  }
}
