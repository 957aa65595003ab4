#include "../../Sources/TrainerKernels/cuda/context.cu"
