# Where the state lives. Here: a file of this machine, whose place `init` is told:
#
#   terraform init -backend-config=path=/safe/place/terraform.tfstate
#
# Several people need one state: backends/s3.tf takes the place of this choice (docs/operations.md says how).
terraform {
  backend "local" {}
}
