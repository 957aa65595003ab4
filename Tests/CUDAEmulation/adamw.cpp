#include "../../Sources/TrainerKernels/cuda/adamw.cu"
