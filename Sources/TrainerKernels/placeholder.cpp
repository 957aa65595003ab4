#include "include/trainer_kernels.h"
