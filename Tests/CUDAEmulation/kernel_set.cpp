#include "../../Sources/TrainerKernels/cuda/kernel_set.cu"
