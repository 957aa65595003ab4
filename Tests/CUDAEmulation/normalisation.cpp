#include "../../Sources/TrainerKernels/cuda/normalisation.cu"
