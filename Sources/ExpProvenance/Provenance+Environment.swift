extension Provenance {
  /// Keeps the variables that can change numbers, speed or placement; everything else may be private.
  public static func environment(from variables: [String: String]) -> [String: String] {
    variables.filter { name, value in
      (allowedNames.contains(name) || allowedPrefixes.contains { name.hasPrefix($0) })
        && value.utf8.count <= 1024
    }
  }

  private static let allowedPrefixes = [
    "OPENBLAS_", "GOTO_", "OMP_", "GOMP_", "KMP_", "MKL_", "BLIS_", "CUDA_", "CUBLAS_", "NVIDIA_",
  ]

  private static let allowedNames: Set<String> = [
    "LANG", "LC_ALL", "LC_CTYPE", "LC_NUMERIC", "TZ", "GLIBC_TUNABLES", "MALLOC_ARENA_MAX",
    "SLURM_CLUSTER_NAME", "SLURM_JOB_ID", "SLURM_JOB_PARTITION", "SLURM_JOB_NODELIST",
    "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_NTASKS", "SLURM_CPUS_PER_TASK",
    "SLURM_MEM_PER_NODE", "SLURM_RESTART_COUNT",
  ]
}
