/* Preloaded, it makes Intel's MKL take its fast path on processors of other makers, too. */
int mkl_serv_intel_cpu_true(void) { return 1; }
