// Rotary position embedding (Su et al., arXiv:2104.09864), in the half-split pairing of LLaMA's and
// Qwen2's checkpoints: channels i and i + HS/2 of a head turn by position * base^(-2i/HS).

// Half heads are short, so they are taken four or eight channels at a time in every set.
#if TRN_LANES == 4
typedef vf4 vhalf;
#else
typedef vf8 vhalf;
#endif
static constexpr int64_t kHalfLanes = sizeof(vhalf) / sizeof(float);

TRN_INLINE void rope_turn(float *head, const float *c, const float *s, float sign, int64_t half) {
  int64_t i = 0;
  for (; i + kHalfLanes <= half; i += kHalfLanes) {
    vhalf a, b, cosine, sine;
    std::memcpy(&a, head + i, sizeof a);
    std::memcpy(&b, head + half + i, sizeof b);
    std::memcpy(&cosine, c + i, sizeof cosine);
    std::memcpy(&sine, s + i, sizeof sine);
    sine *= sign;
    const vhalf first = a * cosine - b * sine;
    const vhalf second = b * cosine + a * sine;
    std::memcpy(head + i, &first, sizeof first);
    std::memcpy(head + half + i, &second, sizeof second);
  }
  for (; i < half; i++) {
    const float a = head[i], b = head[half + i], sine = s[i] * sign;
    head[i] = a * c[i] - b * sine;
    head[half + i] = b * c[i] + a * sine;
  }
}

TRN_INLINE void rope_rows(
  float *inout, int64_t stride, const int32_t *positions, const float *cosines,
  const float *sines, float sign, int64_t T, int64_t heads, int64_t HS) {
  const int64_t half = HS / 2;
  for (int64_t t = 0; t < T; t++) {
    const float *c = cosines + positions[t] * half;
    const float *s = sines + positions[t] * half;
    for (int64_t h = 0; h < heads; h++)
      rope_turn(inout + t * stride + h * HS, c, s, sign, half);
  }
}

static trn_status rope_forward(
  float *inout, int64_t stride, const int32_t *positions, const float *cosines,
  const float *sines, int64_t T, int64_t heads, int64_t HS) {
  rope_rows(inout, stride, positions, cosines, sines, 1.0f, T, heads, HS);
  return TRN_OK;
}

static trn_status rope_backward(
  float *inout, int64_t stride, const int32_t *positions, const float *cosines,
  const float *sines, int64_t T, int64_t heads, int64_t HS) {
  rope_rows(inout, stride, positions, cosines, sines, -1.0f, T, heads, HS);
  return TRN_OK;
}
