#include "../../Sources/TrainerKernels/cuda/attention_backward.cu"
