internal import ArgumentParser
internal import ExpCore
internal import ExpProvenance
internal import ExpReport
internal import ExpSchedule
internal import Foundation
internal import TrainerProtocol

/// `exp doctor`: what was found on this machine, and what is missing.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract:
      "Show what was found on this machine: processor, BLAS, git, disk; and what is missing.")

  @Flag(help: "List the named model sizes with their widths and parameter counts.")
  var sizes = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      if sizes {
        Terminal.output(DoctorCommand.sizeTable.rendered(Terminal.current.outputStyle))
        return
      }
      var rows: [(String, String)] = []
      let machine = Provenance.machine()
      rows.append(("machine", "\(machine.host), \(machine.system)"))
      rows.append(("processor", "\(machine.processor), \(machine.cores) cores usable"))
      rows.append(("memory", NumberText.bytes(machine.memoryBytes)))
      let compute = TrainerProbe.compute(threads: 1)
      let set = compute.blasCoreType.isEmpty ? "the library's own choice" : compute.blasCoreType
      rows.append(("kernel sets", "OpenBLAS \(set), own \(compute.kernelSet)"))
      rows += DoctorCommand.trainer(compute)
      rows += DoctorCommand.gpus
      rows.append(("repository", DoctorCommand.repository))
      rows += disk
      rows.append(("Slurm", DoctorCommand.slurm))
      let width = rows.map(\.0.count).max() ?? 0
      for (name, fact) in rows {
        Terminal.output(name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + fact)
      }
    }
  }

  private static var gpus: [(String, String)] {
    let (all, visible) = (GPUProbe.all(), GPUProbe.visible())
    guard !all.isEmpty else {
      return [("GPUs", "none ('nvidia-smi -L' lists none, or is not there)"), cuda]
    }
    return all.map { gpu in
      (
        "GPU",
        "\(gpu.name), \(gpu.uuid)"
          + (visible.contains(gpu) ? "" : ", hidden by CUDA_VISIBLE_DEVICES")
      )
    } + [cuda]
  }

  /// Whether exp-trainer can compute on a GPU here, in its own words.
  private static var cuda: (String, String) {
    do {
      return ("--device cuda", try TrainerProbe.gpu())
    } catch let failure as Failure {
      return ("--device cuda", "not here: \(failure.message)")
    } catch {
      return ("--device cuda", "not here: \(error)")
    }
  }

  private static func trainer(_ compute: RunRequest.Compute) -> [(String, String)] {
    do {
      let probe = try TrainerProbe(command: nil, compute: compute)
      return [
        ("trainer", "\(probe.command[0]), sources \(probe.sourceFingerprint.hex.prefix(12))"),
        ("BLAS", probe.blas),
      ]
    } catch let failure as Failure {
      return [("trainer", "missing: \(failure.message)")]
    } catch {
      return [("trainer", "missing: \(error)")]
    }
  }

  private static var slurm: String {
    do {
      let site = try SlurmSite.ask(environment: ProcessInfo.processInfo.environment)
      return "\(site.version), arrays of up to \(site.maxArraySize) tasks, "
        + (site.hasAccounting ? "accounting" : "no accounting")
    } catch {
      guard case .slurmMissing = error else { return "\(error)" }
      return "none here"
    }
  }

  private static var repository: String {
    do {
      let here = FileManager.default.currentDirectoryPath
      guard let facts = try Provenance.repository(containing: here) else {
        return "none here; runs of specs in this folder are pinned to the spec's text only"
      }
      return facts
    } catch {
      return "\(error)"
    }
  }

  private var disk: [(String, String)] {
    let paths = location.paths()
    var folder = paths.root
    while !FileManager.default.fileExists(atPath: folder), let slash = folder.lastIndex(of: "/") {
      folder = slash == folder.startIndex ? "/" : String(folder[..<slash])
    }
    // try?: a file system that does not say is shown as such.
    let facts = try? FileManager.default.attributesOfFileSystem(forPath: folder)
    let free = (facts?[.systemFreeSize] as? NSNumber).map { NumberText.bytes($0.intValue) }
    return [("runs", paths.root), ("disk", "\(free ?? "unknown") free")]
  }

  private static var sizeTable: TextTable {
    TextTable(
      columns: [
        .init("size"), .init("N", .right), .init("width", .right), .init("layers", .right),
        .init("heads", .right), .init("hidden", .right),
      ],
      rows: ModelShape.named.map { name, shape in
        [
          .init(name), .init(String(shape.nonEmbeddingParameterCount)),
          .init(String(shape.width)), .init(String(shape.layers)), .init(String(shape.heads)),
          .init(String(shape.hidden)),
        ]
      })
  }
}
