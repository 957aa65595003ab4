import ExpCore
import ExpSchedule
import Testing
import TrainerProtocol

@Suite("What Slurm is told and what it answers")
struct SlurmFormTests {
  @Test("squeue's lines are read; jobs that are no arrays and names with separators do no harm")
  func queue() throws {
    let text = """
      12|3|RUNNING|n1|None|exp-tiny-abc
      12|4|PENDING||JobArrayTaskLimit|exp|with|bars
      13|N/A|PENDING||Priority|somebody's own
      second half of a name with a line break
      14|0|NODE_FAIL|n2|NodeDown|x

      """
    let entries = try #require(SlurmQueue.parse(text))
    #expect(entries.map(\.task.description) == ["12_3", "12_4", "14_0"])
    #expect(entries.map(\.phase) == [.running, .waiting, .over])
    #expect(entries.map(\.node) == ["n1", "", "n2"])
    #expect(entries[1].name == "exp|with|bars")
    #expect(entries[1].reason == "JobArrayTaskLimit")
    #expect(SlurmQueue.parse("")?.isEmpty == true)
    #expect(SlurmQueue.parse("\n")?.isEmpty == true)
    #expect(SlurmQueue.parse("slurm_load_jobs error: nothing\n") == nil)
  }

  @Test(
    "Every state of Slurm means one thing",
    arguments: [
      ("PENDING", SlurmQueueEntry.Phase.waiting), ("REQUEUED", .waiting),
      ("REQUEUE_HOLD", .waiting), ("RUNNING", .running), ("SUSPENDED", .running),
      ("COMPLETING", .running), ("A_NEW_ONE", .running), ("COMPLETED", .over), ("FAILED", .over),
      ("CANCELLED", .over), ("TIMEOUT", .over), ("NODE_FAIL", .over), ("BOOT_FAIL", .over),
      ("OUT_OF_MEMORY", .over), ("PREEMPTED", .over),
    ])
  func states(_ state: String, _ phase: SlurmQueueEntry.Phase) throws {
    let entry = try #require(SlurmQueue.parse("1|0|\(state)|n1|None|x")?.first)
    #expect(entry.phase == phase)
  }

  @Test("A task that is to leave is told once in each life, and only where that reaches it")
  func notices() {
    var notice = SlurmNotice(state: "PENDING", wish: .leave)
    #expect(notice.call == .dequeue)
    notice.wasTold()
    #expect(notice.call == nil)
    // It started before that came.
    notice.take("CONFIGURING")
    #expect(notice.call == nil)
    notice.take("RUNNING")
    #expect(notice.call == .terminate)
    notice.wasTold()
    for state in ["RUNNING", "SIGNALING", "RUNNING", "COMPLETING"] {
      notice.take(state)
      #expect(notice.call == nil, "\(state)")
    }
    // Back in the queue it has a new life.
    for state in ["REQUEUE_HOLD", "SPECIAL_EXIT"] {
      notice.take(state)
      #expect(notice.call == .cancel)
      notice.wasTold()
    }
    notice.wish = .die
    #expect(notice.call == .cancel)
    notice.take("RUNNING")
    #expect(notice.call == .kill)
  }

  @Test("sacct's lines are read, steps passed over")
  func accounting() {
    let found = SlurmQueue.parseAccounting(
      """
      12_3|CANCELLED by 1000|n1|0:15
      12_3.batch|CANCELLED|n1|0:15
      12_[4-9]|PENDING|None assigned|0:0
      12_10|OUT_OF_MEMORY|n2|0:125
      """)
    #expect(found.count == 2)
    #expect(found[SlurmTaskID(job: 12, index: 3)]?.state == "CANCELLED by 1000")
    #expect(found[SlurmTaskID(job: 12, index: 10)]?.node == "n2")
  }

  @Test("A site's configuration is read, with Slurm's own defaults where it says nothing")
  func site() {
    let site = SlurmSite(
      config: """
        Configuration data as of 2026-01-01T00:00:00
        AccountingStorageType   = accounting_storage/slurmdbd
        MaxArraySize            = 10001
        SLURM_VERSION           = 23.11.4
        """)
    #expect(site.maxArraySize == 10_001)
    #expect(site.hasAccounting)
    #expect(site.version == "23.11.4")
    let silent = SlurmSite(config: "AccountingStorageType = accounting_storage/none\n")
    #expect(silent.maxArraySize == 1001)
    #expect(!silent.hasAccounting)
  }

  @Test(
    "Values of options and words of the shell are quoted",
    arguments: [
      ("plain-1.2/x", "plain-1.2/x", "'plain-1.2/x'"), ("", #""""#, "''"),
      ("it's here", #""it's here""#, #"'it'\''s here'"#),
      (#"a "b" \ $HOME `id`"#, #""a \"b\" \\ $HOME `id`""#, #"'a "b" \ $HOME `id`'"#),
    ])
  func quoting(_ text: String, _ option: String, _ word: String) throws {
    #expect(try SlurmScript.optionValue(text) == option)
    #expect(try SlurmScript.word(text) == word)
  }

  @Test("A text with a line break never gets into a script")
  func lineBreaks() {
    #expect(throws: ScheduleError.self) { try SlurmScript.optionValue("a\n#SBATCH --uid=0") }
    #expect(throws: ScheduleError.self) { try SlurmScript.word("a\nb") }
  }

  @Test("Jobs are split by their resources and the size of arrays, in order")
  func split() {
    let jobs = [(1, 0), (2, 1), (1, 2), (1, 3), (1, 4), (2, 5)]
    let batches = SlurmBatches.split(jobs, size: 3) { job in
      SlurmResources(.base(0, cores: job.0))
    }
    #expect(batches.map { $0.map(\.1) } == [[0, 2, 3], [4], [1, 5]])
    let many = SlurmBatches.split(Array(0..<10_000), size: 1001) { _ in SlurmResources(.base(0)) }
    #expect(many.count == 10)
    #expect(many.joined().elementsEqual(0..<10_000))
  }

  @Test("Memory is asked for with room around an estimate, and in steps")
  func memory() {
    #expect(SlurmResources(.base(0, memory: 100 << 20)).mebibytes == 384)
    #expect(SlurmResources(.base(0, memory: 103 << 20)).mebibytes == 384 + 64)
    #expect(SlurmResources(.base(0)).mebibytes == nil)
  }

  @Test("A node is left out when several runs failed there in a row and others succeed elsewhere")
  func health() {
    var health = SlurmNodeHealth()
    for number in 0..<5 { #expect(health.note("n1", run: id(number), isGood: false) == nil) }
    #expect(health.note("n2", run: id(9), isGood: true) == nil)
    #expect(health.note("n1", run: id(5), isGood: false) == "n1")
    #expect(health.note("n1", run: id(6), isGood: false) == nil)
    #expect(health.bad == ["n1"])
    // One run that fails again and again is the run's fault; a success clears a node.
    for _ in 0..<5 { #expect(health.note("n3", run: id(1), isGood: false) == nil) }
    #expect(health.note("n3", run: id(2), isGood: true) == nil)
    #expect(health.note("n3", run: id(3), isGood: false) == nil)
  }

  @Test(
    "sbatch's refusals: what passes, what is a limit, what is final",
    arguments: [
      ("Unable to contact slurm controller (connect failure)", "unsure"),
      ("Batch job submission failed: Socket timed out on send/recv operation", "unsure"),
      ("Slurm temporarily unable to accept job, sleeping and retrying", "unsure"),
      ("AssocMaxSubmitJobLimit\nJob violates accounting/QOS policy", "limited"),
      ("QOSMaxSubmitJobPerUserLimit\nJob violates accounting/QOS policy", "limited"),
      ("invalid partition specified: nope\nInvalid partition name specified", "refused"),
      ("Requested node configuration is not available", "refused"),
    ])
  func refusals(_ errors: String, _ kind: String) {
    let refusal = SlurmClient.refusal(.init(status: 1, output: "", errors: errors))
    #expect(String(describing: refusal).hasPrefix(kind))
  }
}
