import ExpCore
import Foundation
import TestSupport
import Testing

@Suite("A sweep is reached from other terminals", .serialized)
struct ControlTests {
  /// A spec whose runs take a while, so that there is something to stop.
  private func slowSpec(in folder: String, steps: Int = 20_000) throws {
    try write(tinySpec(steps: steps), to: "\(folder)/tiny.yaml")
  }

  private func eventually(_ seconds: Double = 30, _ condition: () throws -> Bool) rethrows -> Bool {
    let end = Date.now + seconds
    while Date.now < end {
      if try condition() { return true }
      usleep(20_000)
    }
    return try condition()
  }

  private func status(in folder: String) throws -> JSONValue {
    let answer = try ExpProgram.run(["status", "--json"], in: folder)
    try #require(answer.status == 0, "\(answer.errors)")
    return try JSONValue(parsing: answer.output.utf8).array?.first ?? .null
  }

  private func rows(_ sql: String, in folder: String) throws -> [JSONValue] {
    let answer = try ExpProgram.run(["sql", sql, "--json"], in: folder)
    try #require(answer.status == 0, "\(answer.errors)")
    return try #require(try JSONValue(parsing: answer.output.utf8).array)
  }

  @Test("--detach leaves a process that status and stop reach, and exp sweep carries on from there")
  func detachAndStop() throws {
    try withTemporaryFolder { folder throws in
      try slowSpec(in: folder)
      let started = try ExpProgram.run(["sweep", "tiny.yaml", "--detach"], in: folder)
      #expect(started.status == 0, "\(started.errors)")
      #expect(started.errors.contains("'tiny' runs in the background"))
      #expect(eventually { !Trainers.midRun(below: folder).isEmpty })
      let status = try status(in: folder)
      #expect(status[path: "held"] == true)
      #expect(eventually { (try? self.status(in: folder)[path: "progress.total"]) == 8 })

      let second = try ExpProgram.run(["sweep", "tiny.yaml"], in: folder)
      #expect(second.status == 75)
      #expect(second.errors.contains("is already run by process"))

      let stopped = try ExpProgram.run(["stop"], in: folder)
      #expect(stopped.status == 0, "\(stopped.errors)")
      #expect(stopped.errors.contains("'tiny' has stopped"))
      #expect(Trainers.alive(below: folder).isEmpty)
      #expect(try self.status(in: folder)[path: "held"] == false)
      // Those that were running have written a checkpoint.
      let stops = try rows(
        "SELECT run FROM attempts WHERE outcome = 'cancelled' AND exit_code = 75", in: folder)
      #expect(!stops.isEmpty)

      let nobody = try ExpProgram.run(["stop", "tiny"], in: folder)
      #expect(nobody.status == 0)
      #expect(nobody.errors.contains("nobody runs 'tiny'"))
      let wrong = try ExpProgram.run(["stop", "tinny"], in: folder)
      #expect(wrong.status == 64)
      #expect(wrong.errors.contains("there is no sweep 'tinny'; there are tiny"))
    }
  }

  @Test("stop --now kills; the sweep's own process says so and leaves with 75")
  func stopNow() throws {
    try withTemporaryFolder { folder throws in
      try slowSpec(in: folder)
      let sweep = try ExpProgram.start(["sweep", "tiny.yaml"], in: folder, log: "\(folder)/log")
      #expect(eventually { !Trainers.midRun(below: folder).isEmpty })
      let stopped = try ExpProgram.run(["stop", "--now"], in: folder)
      #expect(stopped.status == 0, "\(stopped.errors)")
      sweep.waitUntilExit()
      #expect(sweep.terminationStatus == 75)
      #expect(
        try String(contentsOfFile: "\(folder)/log", encoding: .utf8).contains(
          "asked to stop at once"))
      #expect(Trainers.alive(below: folder).isEmpty)
    }
  }

  @Test("a background sweep that is killed is started again by its watcher, and comes to its end")
  func supervised() throws {
    try withTemporaryFolder { folder throws in
      try write(tinySpec(steps: 300), to: "\(folder)/tiny.yaml")
      let started = try ExpProgram.run(["sweep", "tiny.yaml", "--detach"], in: folder)
      #expect(started.status == 0, "\(started.errors)")
      #expect(eventually { !Trainers.midRun(below: folder).isEmpty })
      let pid = try #require(try status(in: folder)[path: "pid"]?.integer)
      kill(pid_t(pid), SIGKILL)
      #expect(
        try eventually { try status(in: folder)[path: "pid"]?.integer.map { $0 != pid } ?? false })
      let followed = try ExpProgram.run(["sweep", "tiny.yaml", "--attach"], in: folder)
      #expect(followed.status == 0, "\(followed.errors)")
      #expect(try recordedValues(in: folder).count == 6)
      let messages = try String(
        contentsOfFile: "\(folder)/runs/sweeps/tiny/messages.log", encoding: .utf8)
      #expect(messages.contains("was ended by signal 9; it is started again"))
    }
  }

  @Test("a stop between two starts of a background sweep is heard")
  func stoppedBetweenStarts() throws {
    try withTemporaryFolder { folder throws in
      try slowSpec(in: folder)
      let started = try ExpProgram.run(["sweep", "tiny.yaml", "--detach"], in: folder)
      #expect(started.status == 0, "\(started.errors)")
      #expect(eventually { !Trainers.midRun(below: folder).isEmpty })
      let pid = try #require(try status(in: folder)[path: "pid"]?.integer)
      kill(pid_t(pid), SIGKILL)
      let stopped = try ExpProgram.run(["stop", "tiny"], in: folder)
      #expect(stopped.status == 0, "\(stopped.errors)")
      #expect(eventually { Trainers.alive(below: folder).isEmpty })
      // Longer than its watcher would have waited.
      sleep(3)
      #expect(try status(in: folder)[path: "held"] == false)
    }
  }

  @Test("a base policy that failed is told by status, with what waits for it")
  func failedBase() throws {
    try withTemporaryFolder { folder throws in
      // The base stage takes longer than the time between two looks at memory.
      let spec = tinySpec(steps: 8).replacing("steps: 30,", with: "steps: 20000,")
      try write(spec + "\nresources: {memory: 1MiB}\n", to: "\(folder)/tiny.yaml")
      let failed = try ExpProgram.run(["sweep", "tiny.yaml"], in: folder)
      #expect(failed.status == 3, "\(failed.errors)")
      let status = try ExpProgram.run(["status"], in: folder)
      #expect(
        status.output.contains(
          "its limit (resources.memory) is 1 MiB; 3 runs cannot start without it"),
        "\(status.output)")
      #expect(status.output.contains("exp retry tiny"))
    }
  }

  @Test("retry runs failed runs again, of a sweep that is over and of one that goes on")
  func retry() throws {
    try withTemporaryFolder { folder throws in
      // A trainer that refuses until a file is there.
      try write(
        """
        #!/bin/sh
        [ "$1" = describe ] && exec "\(ExpProgram.folder)/exp-trainer" describe
        case "$2" in */bases/*) ;; *) [ -e "\(folder)/mended" ] || { echo "not mended yet" >&2; exit 64; } ;; esac
        exec "\(ExpProgram.folder)/exp-trainer" "$@"
        """, to: "\(folder)/trainer")
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: "\(folder)/trainer")
      try write(
        tinySpec(steps: 8) + "\ntrainer: {command: [\"\(folder)/trainer\"]}\n",
        to: "\(folder)/tiny.yaml")
      let failed = try ExpProgram.run(["sweep", "tiny.yaml"], in: folder)
      #expect(failed.status == 3, "\(failed.errors)")
      let status = try ExpProgram.run(["status"], in: folder)
      #expect(status.output.contains("failed: left with exit code 64: not mended yet"))
      #expect(status.output.contains("exp retry tiny"))

      let wrong = try ExpProgram.run(["retry", "other"], in: folder)
      #expect(wrong.status == 64)
      let marked = try ExpProgram.run(["retry", "tiny", "tiny/0", "--mark"], in: folder)
      #expect(marked.errors.contains("1 run of 'tiny' will be run again"))
      try write("", to: "\(folder)/mended")
      let again = try ExpProgram.run(["retry", "tiny", "--detach"], in: folder)
      #expect(again.status == 0, "\(again.errors)")
      #expect(again.errors.contains("5 runs of 'tiny' will be run again"))
      #expect(again.errors.contains("'tiny' runs in the background"))
      let attached = try ExpProgram.run(["sweep", "tiny.yaml", "--attach"], in: folder)
      #expect(attached.status == 0, "\(attached.errors)")
      #expect(try recordedValues(in: folder).count == 6)
      let nothing = try ExpProgram.run(["retry", "tiny"], in: folder)
      #expect(nothing.errors.contains("no run of 'tiny' has failed"))
    }
  }

  @Test("runs on GPUs get them from nvidia-smi's list, and a machine without enough is refused")
  func gpus() throws {
    try withTemporaryFolder { folder throws in
      try write(
        """
        #!/bin/sh
        [ "$1" = describe ] && exec "\(ExpProgram.folder)/exp-trainer" describe
        echo "$CUDA_VISIBLE_DEVICES" >> "\(folder)/seen"
        exec "\(ExpProgram.folder)/exp-trainer" "$@"
        """, to: "\(folder)/trainer")
      try write(
        "#!/bin/sh\necho 'GPU 0: Fake (UUID: GPU-aaaa)'\necho 'GPU 1: Fake (UUID: GPU-bbbb)'\n",
        to: "\(folder)/nvidia-smi")
      for name in ["trainer", "nvidia-smi"] {
        try FileManager.default.setAttributes(
          [.posixPermissions: 0o755], ofItemAtPath: "\(folder)/\(name)")
      }
      try write(
        tinySpec(steps: 8)
          + "\ntrainer: {command: [\"\(folder)/trainer\"]}\nresources: {gpus: 0.5}\n",
        to: "\(folder)/tiny.yaml")
      let path = "\(folder):/usr/bin:/bin"
      let refused = try ExpProgram.run(
        ["sweep", "tiny.yaml"], in: folder,
        environment: ["PATH": path, "CUDA_VISIBLE_DEVICES": "-1"])
      #expect(refused.status == 64)
      #expect(
        refused.errors.contains(
          "a run asks for resources.gpus: 0.5, and this machine shows none"))
      let done = try ExpProgram.run(
        ["sweep", "tiny.yaml"], in: folder,
        environment: ["PATH": path, "CUDA_VISIBLE_DEVICES": "GPU-b"])
      #expect(done.status == 0, "\(done.errors)")
      let seen = try String(contentsOfFile: "\(folder)/seen", encoding: .utf8).split(
        separator: "\n")
      #expect(seen.count == 8)
      #expect(Set(seen) == ["GPU-bbbb"])
    }
  }

  @Test("points named by 'first' start before longer ones")
  func first() throws {
    try withTemporaryFolder { folder throws in
      try write(
        tinySpec(steps: 8) + "\nfirst: [\"seed = 2\", \"seed = 1\"]\n", to: "\(folder)/tiny.yaml")
      let done = try ExpProgram.run(["sweep", "tiny.yaml", "--jobs", "1"], in: folder)
      #expect(done.status == 0, "\(done.errors)")
      let seeds = try rows(
        """
        SELECT params.number AS seed FROM attempts JOIN params ON params.run = attempts.run
        WHERE params.path = 'seed' ORDER BY attempts.started_at, attempts.pid
        """, in: folder
      ).map { $0[path: "seed"]?.integer }
      #expect(seeds == [2, 2, 1, 1, 0, 0])
    }
  }
}
