#include "../../Sources/TrainerKernels/cuda/attention_plan.cu"
