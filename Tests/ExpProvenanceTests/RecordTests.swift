import ExpCore
import ExpProvenance
import Testing

@Suite("What goes into a record")
struct RecordTests {
  @Test(
    "Remotes lose their credentials",
    arguments: [
      ("https://user:token@example.org/p.git", "https://example.org/p.git"),
      ("https://ghp_token@example.org/p.git", "https://example.org/p.git"),
      ("https://user:p%40ss@example.org:8443/p.git", "https://example.org:8443/p.git"),
      ("https://user:p@ss@example.org/p.git", "https://example.org/p.git"),
      ("https://user:pa/ss@example.org/p.git", "https://example.org/p.git"),
      ("https://example.org/p.git?private_token=x#y", "https://example.org/p.git"),
      ("https://example.org:443/@scope/p", "https://example.org:443/@scope/p"),
      ("https://[::1]:8443/@scope/p", "https://[::1]:8443/@scope/p"),
      ("https://example.org/p.git", "https://example.org/p.git"),
      ("ssh://git@example.org:22/p.git", "ssh://git@example.org:22/p.git"),
      ("ssh://git:secret@example.org/p.git", "ssh://git@example.org/p.git"),
      ("git@example.org:group/p.git", "git@example.org:group/p.git"),
      ("git:secret@example.org:group/p.git", "git@example.org:group/p.git"),
      ("/srv/git/a@b:c.git", "/srv/git/a@b:c.git"), ("", ""),
      ("file:///srv/git/p?.git", "file:///srv/git/p?.git"),
    ])
  func remotes(address: String, expected: String) {
    #expect(RemoteURL.withoutCredentials(address) == expected)
  }

  @Test(
    "Names that usually hold secrets",
    arguments: [
      (".env", true), ("a/.ENV.production", true), (".env.example", false), ("id_ed25519", true),
      ("id_ed25519.pub", false), ("x/.ssh/config", true), ("tls/server.key", true),
      ("cert.p12", true), ("credentials", true), ("aws_credentials.txt", false),
      ("keyboard.swift", false), ("environment.yaml", false), ("tokenizer.json", false),
    ])
  func secrets(path: String, expected: Bool) {
    #expect(UntrackedFilter.looksSecret(path) == expected)
  }

  @Test("Only variables that change numbers, speed or placement are kept")
  func environment() {
    let kept = Provenance.environment(from: [
      "OPENBLAS_CORETYPE": "SkylakeX", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "0",
      "SLURM_JOB_ID": "7", "LANG": "C.UTF-8", "PATH": "/bin", "HOME": "/root",
      "AWS_SECRET_ACCESS_KEY": "x", "SLURM_JWT": "x", "SSH_AUTH_SOCK": "x", "OMPHALOS": "x",
      "MKL_LONG": String(repeating: "x", count: 2000),
    ])
    #expect(
      kept == [
        "OPENBLAS_CORETYPE": "SkylakeX", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "0",
        "SLURM_JOB_ID": "7", "LANG": "C.UTF-8",
      ])
  }

  @Test("The processor's name, its mask and the memory are found in the kernel's texts")
  func machineTexts() {
    let intel = "processor\t: 0\nmodel name\t: AMD EPYC 9V74 80-Core\nflags\t: a b\n"
    #expect(MachineText.processor(cpuinfo: intel) == "AMD EPYC 9V74 80-Core")
    #expect(MachineText.processor(cpuinfo: "processor\t: 0\nCPU part\t: 0xd0c\n") == nil)
    #expect(MachineText.processor(cpuinfo: "") == nil)
    #expect(MachineText.memoryBytes(meminfo: "MemTotal:   16 kB\nMemFree: 1 kB\n") == 16384)
    #expect(MachineText.memoryBytes(meminfo: "MemTotal:   9223372036854775807 kB\n") == 0)
    #expect(MachineText.memoryBytes(meminfo: "nonsense") == 0)
    #expect(
      MachineText.allowedProcessors(status: "Name:\tx\nCpus_allowed:\tff,0000000f\n") == 12)
    #expect(MachineText.allowedProcessors(status: "Cpus_allowed:\t0\n") == nil)
  }

  @Test("The tightest control group around the process bounds cores and memory")
  func quota() {
    let second = [
      "/proc/self/cgroup": "0::/jobs/one\n", "/sys/fs/cgroup/jobs/one/cpu.max": "max 100000\n",
      "/sys/fs/cgroup/jobs/cpu.max": "250000 100000\n",
      "/sys/fs/cgroup/jobs/one/memory.max": "1073741824\n",
      "/sys/fs/cgroup/jobs/memory.max": "max\n",
    ]
    var quota = ControlGroupQuota.reading { second[$0] ?? "" }
    #expect(quota.cores == 3)
    #expect(quota.memoryBytes == 1 << 30)
    let first = [
      "/proc/self/cgroup": "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "2147483648\n",
    ]
    quota = ControlGroupQuota.reading { first[$0] ?? "" }
    #expect(quota.cores == 2)
    #expect(quota.memoryBytes == 2 << 30)
    quota = ControlGroupQuota.reading { _ in "" }
    #expect(quota.cores == nil && quota.memoryBytes == nil)
  }

  @Test("This machine has a name, a processor, memory and a boot")
  func machine() {
    let facts = Provenance.machine()
    #expect(!facts.host.isEmpty && !facts.processor.isEmpty)
    #expect(facts.cores >= 1)
    #expect(facts.memoryBytes > 1 << 28)
    #expect(facts.system.hasPrefix("Linux "))
    #expect(facts.bootID.count == 36)
  }
}
