#include "../../Sources/TrainerKernels/cuda/attention.cu"
