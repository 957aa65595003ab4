// What every kernel set includes before its target attribute begins.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Values are floats in every set of the processor.
#define TRN_VALUE float
#include "../include/trainer_kernels.h"
