# Where the state lives. Here: a file of this machine, whose place `init` is told:
#
#   terraform init -backend-config=path=/safe/place/terraform.tfstate
#
# Several people need one state: put backends/s3.tf over this file's choice (its first lines say how).
terraform {
  backend "local" {}
}
