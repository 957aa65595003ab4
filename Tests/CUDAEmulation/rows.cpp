#include "../../Sources/TrainerKernels/cuda/rows.cu"
