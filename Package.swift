// swift-tools-version: 6.2
import PackageDescription

// One set of settings for every Swift target: language mode 6, strict imports, warnings are errors.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
]

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let grdbSQLite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")

// Programs that carry the Swift runtime start in two thirds of the time and call it faster. Only the linker is told, so
// that objects are the same for programs and tests. A test bundle, which needs the toolchain's shared runtime, must not
// depend on such a program, or it would have two.
let carriesRuntime: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-static-stdlib", "-use-ld=lld", "-lFoundationInternationalization", "-lCoreFoundation",
      "-l_FoundationICU", "-l_FoundationCShims", "-l_FoundationCollections",
      "-lswiftSynchronization", "-lstdc++",
    ], .when(platforms: [.linux]))
]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(
  _ name: String, _ dependencies: [Target.Dependency] = [], hasFixtures: Bool = false
) -> Target {
  .testTarget(
    name: "\(name)Tests",
    dependencies: [.target(name: name), "ExpCore", "TestSupport"] + dependencies,
    // Fixtures are found beside the tests' sources, not copied into a bundle.
    exclude: hasFixtures ? ["Fixtures"] : [], swiftSettings: strict)
}

let package = Package(
  name: "exp",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "exp", targets: ["exp"]),
    .executable(name: "exp-trainer", targets: ["exp-trainer"]),
    .library(name: "cuda-emulation", type: .dynamic, targets: ["CUDAEmulation"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
  ],
  targets: [
    // MARK: Vocabulary: values that every module shares
    module("ExpCore", [crypto]),

    // MARK: Spec: YAML text to a checked experiment
    .systemLibrary(
      name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    module("ExpSpec", ["ExpCore", "CLibYAML"]),

    // MARK: Plan: a checked experiment to points with identities
    module("ExpPlan", ["ExpCore", "ExpSpec"]),

    // MARK: Pins: commits, snapshots, machine facts
    .systemLibrary(
      name: "CLibGit2", pkgConfig: "libgit2", providers: [.apt(["libgit2-dev"])]),
    module("ExpProvenance", ["ExpCore", "CLibGit2"]),

    // MARK: Protocol: all that scheduler and trainer share
    module("TrainerProtocol", ["ExpCore"]),

    // MARK: Record: the SQLite store, a cache of the run folders
    module("ExpStore", ["ExpCore", "TrainerProtocol", grdb, grdbSQLite]),

    // MARK: Schedule: decisions as a state machine, effects at its edge
    .systemLibrary(name: "CLinuxProcess"),
    module("ExpSchedule", ["ExpCore", "TrainerProtocol", "CLinuxProcess"]),

    // MARK: Train: kernels, tensors, models, algorithms, loop
    .systemLibrary(
      name: "CBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .target(
      name: "TrainerKernels", dependencies: ["CBLAS"], exclude: ["cuda"],
      cxxSettings: [
        // -fno-math-errno lets square roots vectorise; fused contraction is written out, never implied.
        .unsafeFlags([
          "-O3", "-fno-math-errno", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror",
          "-Wno-unused-parameter",
        ])
      ]),
    module("TrainerTensor", ["ExpCore", "TrainerKernels"]),
    .target(
      name: "Trainer", dependencies: ["ExpCore", "TrainerProtocol", "TrainerTensor"],
      swiftSettings: strict, plugins: ["SourceFingerprint"]),

    // MARK: Fit: the law, pure numbers
    module("ExpFit", ["ExpCore"]),

    // MARK: Report: tables and figures
    module("ExpReport", ["ExpCore", "ExpFit"]),

    // MARK: Commands
    module(
      "ExpCLI",
      [
        "ExpCore", "ExpSpec", "ExpPlan", "ExpProvenance", "ExpSchedule", "ExpStore", "ExpFit",
        "ExpReport", "TrainerProtocol", argumentParser,
      ]),
    .executableTarget(
      name: "exp", dependencies: ["ExpCLI"], swiftSettings: strict,
      linkerSettings: carriesRuntime),
    .executableTarget(
      name: "exp-trainer", dependencies: ["Trainer", "TrainerProtocol"], swiftSettings: strict),

    // MARK: Measure: coverage and speed of the law's fits, for docs/ and benchmarks
    .executableTarget(name: "law-bench", dependencies: ["ExpFit"], swiftSettings: strict),

    // MARK: Measure: the scheduler on a simulated cluster
    module("SimulatedCluster", ["ExpCore", "ExpSchedule", "TrainerProtocol"]),
    .executableTarget(
      name: "schedule-bench",
      dependencies: [
        "ExpCore", "ExpSchedule", "SimulatedCluster", "TrainerProtocol", argumentParser,
      ], swiftSettings: strict),

    // MARK: Build: the trainer's sources, hashed into the trainer
    .plugin(name: "SourceFingerprint", capability: .buildTool()),

    // MARK: Tests
    .target(
      name: "TestSupport", dependencies: ["ExpCore"], path: "Tests/TestSupport",
      swiftSettings: strict),
    .target(name: "CAllocationCount", path: "Tests/CAllocationCount"),
    // The CUDA kernels compiled for the processor; tests load it as they would the library for GPUs.
    .target(
      name: "CUDAEmulation", dependencies: ["CBLAS"], path: "Tests/CUDAEmulation",
      cxxSettings: [
        .define("TRN_EMULATED"),
        .unsafeFlags([
          "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
        ]),
      ]),
    .testTarget(
      name: "ExpCoreTests", dependencies: ["ExpCore", "TestSupport"], swiftSettings: strict),
    tests("ExpSpec", ["TrainerProtocol"], hasFixtures: true),
    tests("ExpPlan", ["ExpSpec"], hasFixtures: true),
    tests("ExpProvenance"),
    tests("TrainerProtocol", hasFixtures: true),
    tests("ExpStore", ["TrainerProtocol"]),
    tests("ExpSchedule", ["SimulatedCluster", "TrainerProtocol"], hasFixtures: true),
    tests("TrainerTensor"),
    tests("Trainer", ["TrainerProtocol", "TrainerTensor", "CAllocationCount"], hasFixtures: true),
    tests("ExpFit", hasFixtures: true),
    tests("ExpReport", ["ExpFit"]),
    // The programs it runs lie beside the bundle: 'swift test' builds all products first.
    .testTarget(
      name: "EndToEndTests", dependencies: ["ExpCore", "TestSupport"], swiftSettings: strict),
  ],
  cxxLanguageStandard: .cxx20
)
