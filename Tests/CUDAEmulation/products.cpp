#include "../../Sources/TrainerKernels/cuda/products.cu"
