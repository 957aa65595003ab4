import Foundation
import TestSupport
import Testing

/// Whether this process may mount a disk of its own; containers often forbid it.
private let mountsAreAllowed: Bool = {
  // try?: where there is no such program there are no such mounts.
  let probe = try? runTool("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
  return probe?.status == 0
}()

@Suite("Disks that are full or read-only", .enabled(if: mountsAreAllowed))
struct DiskTests {
  /// Runs a script on a disk of 640 MiB, and keeps its runs in `folder` afterwards.
  private func onSmallDisk(_ script: String, keepingIn folder: String) throws -> ToolResult {
    try write(Storm.spec, to: "\(folder)/tiny.yaml")
    let frame = """
      set -u
      mkdir "$1/disk" && mount -t tmpfs -o size=640m tmpfs "$1/disk" && cd "$1/disk" || exit 9
      cp ../tiny.yaml .
      fill() {
        fallocate -l "$(($(df -B1 --output=avail . | tail -n 1) - (8 << 20)))" ballast
        cat /dev/zero 2>/dev/null >>ballast
      }
      \(script)
      mount -o remount,rw "$1/disk" && cp -r runs "$1/runs"
      """
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return try runTool(
      "unshare", ["-m", "bash", "-c", frame, "disk", folder],
      environment: ["PATH": "\(ExpProgram.folder):\(path)"])
  }

  @Test("A disk that fills up stops the sweep with words; with room again it goes on")
  func full() throws {
    try withTemporaryFolder { folder in
      let result = try onSmallDisk(
        """
        exp sweep tiny.yaml 2>"$1/full" & sweep=$!
        until ls runs/*/checkpoints/step-*.ckpt >/dev/null 2>&1; do
          kill -0 $sweep || break; sleep 0.01
        done
        fill; wait $sweep; echo "full $?"
        exp sweep tiny.yaml 2>"$1/still"; echo "still $?"
        exp runs >/dev/null 2>"$1/seen"; echo "runs $?"
        rm ballast
        exp sweep tiny.yaml 2>"$1/room"; echo "room $?"
        """, keepingIn: folder)
      let said = try ["full", "still", "seen", "room"].map {
        try String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8)
      }
      let lines = result.output.split(separator: "\n").map(String.init)
      try #require(lines.count == 4, "\(result.errors)")
      #expect(lines[0] == "full 75", "\(said[0])")
      #expect(said[0].contains("the disk is full: make room, then 'exp sweep tiny.yaml'"))
      // Not even the store may be writable; whatever refuses says what to do.
      #expect(["still 1", "still 75"].contains(lines[1]))
      #expect(said[1].contains("make room"), "\(said[1])")
      #expect(lines[2] == "runs 0", "\(said[2])")
      #expect(lines[3] == "room 0", "\(said[3])")
      try expectCalmValues(folder)
    }
  }

  @Test("On a read-only disk a sweep is refused with words, and what is there can be read")
  func readOnly() throws {
    try withTemporaryFolder { folder in
      let result = try onSmallDisk(
        """
        mount -o remount,ro . ; exp sweep tiny.yaml; echo "first $?"; mount -o remount,rw .
        exp sweep tiny.yaml 2>/dev/null; echo "writable $?"
        mount -o remount,ro .
        exp sweep tiny.yaml seed=[9]; echo "second $?"
        exp runs >/dev/null; echo "runs $?"
        exp db check >/dev/null; echo "check $?"
        """, keepingIn: folder)
      try #require(result.status == 0, "\(result.errors)")
      #expect(result.output == "first 1\nwritable 0\nsecond 1\nruns 0\ncheck 0\n")
      let refusals = result.errors.split(separator: "\n").filter { $0.hasPrefix("exp: ") }
      #expect(refusals.count == 2)
      for words in refusals {
        #expect(words.contains("/disk/runs") && words.contains("--runs"), "\(words)")
      }
      try expectCalmValues(folder)
    }
  }

  /// The runs that were kept have the values of a sweep on an ordinary disk.
  private func expectCalmValues(_ folder: String) throws {
    let calm = "\(folder)/calm"
    try FileManager.default.createDirectory(atPath: calm, withIntermediateDirectories: true)
    try write(Storm.spec, to: "\(calm)/tiny.yaml")
    let undisturbed = try ExpProgram.run(["sweep", "tiny.yaml"], in: calm)
    try #require(undisturbed.status == 0, "\(undisturbed.errors)")
    #expect(try recordedValues(in: folder) == recordedValues(in: calm))
  }
}
