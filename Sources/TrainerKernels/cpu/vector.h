// Vectors of TRN_LANES floats, and the few functions on them that every kernel uses.

#define TRN_INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((ext_vector_type(TRN_LANES)));
typedef int32_t vi __attribute__((ext_vector_type(TRN_LANES)));
typedef double vd __attribute__((ext_vector_type(TRN_LANES)));
// One register of doubles.
typedef double vr __attribute__((ext_vector_type(TRN_LANES / 2)));

// The register of a kind of scalar, for kernels that are templates over it; each file has its own.
namespace {
template <typename S>
struct lanes_of;
template <>
struct lanes_of<float> {
  typedef vf vector;
  static constexpr int64_t count = TRN_LANES;
};
template <>
struct lanes_of<double> {
  typedef vr vector;
  static constexpr int64_t count = TRN_LANES / 2;
};
}  // namespace

static constexpr int64_t W = TRN_LANES;

TRN_INLINE int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

TRN_INLINE vf load(const float *p) {
  vf v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

TRN_INLINE void store(float *p, vf v) { std::memcpy(p, &v, sizeof v); }

// Lanes from n on are 0 and their memory is not touched.
TRN_INLINE vf load_first(const float *p, int64_t n) {
  if (n >= W) return load(p);
#if TRN_LANES == 16
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
#else
  vf v = 0;
  for (int64_t i = 0; i < n; i++) v[i] = p[i];
  return v;
#endif
}

TRN_INLINE void store_first(float *p, vf v, int64_t n) {
  if (n >= W) {
    store(p, v);
    return;
  }
#if TRN_LANES == 16
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
#else
  for (int64_t i = 0; i < n; i++) p[i] = v[i];
#endif
}

TRN_INLINE vr load_first(const double *p, int64_t n) {
  vr v = 0;
  for (int64_t i = 0; i < W / 2 && i < n; i++) v[i] = p[i];
  return v;
}

TRN_INLINE void store_first(double *p, vr v, int64_t n) {
  for (int64_t i = 0; i < W / 2 && i < n; i++) p[i] = v[i];
}

// a * b + c: one rounding where the instruction set has it, two in the generic set.
TRN_INLINE vf fma(vf a, vf b, vf c) {
#if TRN_HAS_FMA
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}

TRN_INLINE vr fma(vr a, vr b, vr c) { return a * b + c; }

TRN_INLINE vf larger(vf a, vf b) { return __builtin_elementwise_max(a, b); }
TRN_INLINE vr larger(vr a, vr b) { return __builtin_elementwise_max(a, b); }

TRN_INLINE vf select(vi mask, vf yes, vf no) { return mask ? yes : no; }

TRN_INLINE vi lane_numbers() {
#if TRN_LANES == 16
  return vi{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#elif TRN_LANES == 8
  return vi{0, 1, 2, 3, 4, 5, 6, 7};
#else
  return vi{0, 1, 2, 3};
#endif
}

// Lanes below n.
TRN_INLINE vi first_lanes(int64_t n) { return lane_numbers() < static_cast<int32_t>(n); }

// The first n of yes, then no.
TRN_INLINE vf first_or(int64_t n, vf yes, vf no) { return select(first_lanes(n), yes, no); }
TRN_INLINE vr first_or(int64_t n, vr yes, vr no) {
  for (int64_t i = 0; i < W / 2 && i < n; i++) no[i] = yes[i];
  return no;
}

typedef float vf8 __attribute__((ext_vector_type(8)));
typedef float vf4 __attribute__((ext_vector_type(4)));
typedef float vf2 __attribute__((ext_vector_type(2)));

// Upper half onto lower half until one lane is left: the order is the same in every call.
TRN_INLINE float sum_lanes(vf v) {
#if TRN_LANES == 16
  const vf8 a = v.lo + v.hi;
  const vf4 b = a.lo + a.hi;
#elif TRN_LANES == 8
  const vf4 b = v.lo + v.hi;
#else
  const vf4 b = v;
#endif
  const vf2 c = b.lo + b.hi;
  return c.x + c.y;
}

TRN_INLINE float max_lanes(vf v) {
#if TRN_LANES == 16
  const vf8 a = __builtin_elementwise_max(v.lo, v.hi);
  const vf4 b = __builtin_elementwise_max(a.lo, a.hi);
#elif TRN_LANES == 8
  const vf4 b = __builtin_elementwise_max(v.lo, v.hi);
#else
  const vf4 b = v;
#endif
  const vf2 c = __builtin_elementwise_max(b.lo, b.hi);
  return c.x > c.y ? c.x : c.y;
}

TRN_INLINE double sum_lanes(vr v) {
  double sum = 0;
  for (int lane = 0; lane < TRN_LANES / 2; lane++) sum += v[lane];
  return sum;
}

TRN_INLINE double max_lanes(vr v) {
  double largest = v[0];
  for (int lane = 1; lane < TRN_LANES / 2; lane++) largest = v[lane] > largest ? v[lane] : largest;
  return largest;
}

// e^x within 2 units in the last place; 0 below -87 (no denormal results), infinity above 88.37.
// Range reduction by ln 2 in two parts and a degree-6 polynomial, as in Cephes' expf.
TRN_INLINE vf exponential(vf x) {
  const vf shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer in the low bits
  const vf t = fma(x, vf(1.44269504088896341f), shift);
  const vf n = t - shift;
  vf r = fma(n, vf(-0.693359375f), x);
  r = fma(n, vf(2.12194440e-4f), r);
  vf p = 1.9875691500e-4f;
  p = fma(p, r, vf(1.3981999507e-3f));
  p = fma(p, r, vf(8.3334519073e-3f));
  p = fma(p, r, vf(4.1665795894e-2f));
  p = fma(p, r, vf(1.6666665459e-1f));
  p = fma(p, r, vf(5.0000001201e-1f));
  const vf y = fma(p, r * r, r) + 1.0f;
  // The integer sits in the low bits of t; shifted left 23 it is 2^n's exponent, the shift's own bits fall out.
  const vi power = __builtin_bit_cast(vi, t) << 23;
  vf scaled = __builtin_bit_cast(vf, __builtin_bit_cast(vi, y) + power);
  scaled = select(x < -87.0f, vf(0.0f), scaled);
  scaled = select(x > 88.37f, vf(std::numeric_limits<float>::infinity()), scaled);
  return scaled;
}

// ln x within 2 units in the last place for finite x of at least 2^-126. The mantissa is taken to
// sqrt(1/2)...sqrt(2), then a polynomial of degree 8, as in Cephes' logf.
TRN_INLINE vf logarithm(vf x) {
  const vi bits = __builtin_bit_cast(vi, x);
  const vi shifted = bits - 0x3f3504f3;
  const vf n = __builtin_convertvector(shifted >> 23, vf);
  const vf m = __builtin_bit_cast(vf, (shifted & 0x007fffff) + 0x3f3504f3) - 1.0f;
  vf p = 7.0376836292e-2f;
  p = fma(p, m, vf(-1.1514610310e-1f));
  p = fma(p, m, vf(1.1676998740e-1f));
  p = fma(p, m, vf(-1.2420140846e-1f));
  p = fma(p, m, vf(1.4249322787e-1f));
  p = fma(p, m, vf(-1.6668057665e-1f));
  p = fma(p, m, vf(2.0000714765e-1f));
  p = fma(p, m, vf(-2.4999993993e-1f));
  p = fma(p, m, vf(3.3333331174e-1f));
  const vf square = m * m;
  vf y = p * m * square;
  y = fma(n, vf(-2.12194440e-4f), y);
  y = fma(vf(-0.5f), square, y);
  return fma(n, vf(0.693359375f), m + y);
}

TRN_INLINE vr exponential(vr x) {
  for (int lane = 0; lane < TRN_LANES / 2; lane++) x[lane] = std::exp(x[lane]);
  return x;
}

// Transposes a square of W vectors in place.
TRN_INLINE void transpose_square(vf *rows) {
#pragma clang loop unroll(full)
  for (int s = 1; s < TRN_LANES; s *= 2) {
#pragma clang loop unroll(full)
    for (int i = 0; i < TRN_LANES; i++) {
      if (i & s) continue;
      const vf a = rows[i];
      const vf b = rows[i + s];
      vf low = a;
      vf high = b;
#pragma clang loop unroll(full)
      for (int lane = 0; lane < TRN_LANES; lane++) {
        if (lane & s)
          low[lane] = b[lane - s];
        else
          high[lane] = a[lane + s];
      }
      rows[i] = low;
      rows[i + s] = high;
    }
  }
}
