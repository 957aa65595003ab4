#include "../../Sources/TrainerKernels/cuda/sampling.cu"
