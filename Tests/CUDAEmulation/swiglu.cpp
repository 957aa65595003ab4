#include "../../Sources/TrainerKernels/cuda/swiglu.cu"
