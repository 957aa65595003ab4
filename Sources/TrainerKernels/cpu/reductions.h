// Sums and largest elements of eight rows at once: each step halves the lanes of a row, and puts two rows into one
// vector. A row's additions are those of sum_lanes in the same order, so the bits are the same.

// Of rows of G lanes each, a's then b's: the lower halves (UPPER = 0) or the upper ones.
template <int G, int UPPER, int... L>
TRN_INLINE vf row_halves(vf a, vf b, std::integer_sequence<int, L...>) {
  return __builtin_shufflevector(a, b, (L / (G / 2) * G + L % (G / 2) + UPPER * (G / 2))...);
}

template <bool MAXIMUM, int G>
TRN_INLINE vf join_rows(vf a, vf b) {
  using lanes = std::make_integer_sequence<int, TRN_LANES>;
  const vf lower = row_halves<G, 0>(a, b, lanes{});
  const vf upper = row_halves<G, 1>(a, b, lanes{});
  return MAXIMUM ? larger(lower, upper) : lower + upper;
}

// out[8] = the sum or the largest of each of eight rows.
template <bool MAXIMUM>
TRN_INLINE void reduce_eight(float *out, const vf *rows) {
  vf pairs[4];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) pairs[i] = join_rows<MAXIMUM, TRN_LANES>(rows[2 * i], rows[2 * i + 1]);
  const vf first = join_rows<MAXIMUM, TRN_LANES / 2>(pairs[0], pairs[1]);
  const vf second = join_rows<MAXIMUM, TRN_LANES / 2>(pairs[2], pairs[3]);
#if TRN_LANES == 16
  const vf all = join_rows<MAXIMUM, 4>(first, second);
  store_first(out, join_rows<MAXIMUM, 2>(all, all), 8);
#elif TRN_LANES == 8
  store(out, join_rows<MAXIMUM, 2>(first, second));
#else
  store(out, first);
  store(out + 4, second);
#endif
}
