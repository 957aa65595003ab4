#include "../../Sources/TrainerKernels/cuda/rope.cu"
