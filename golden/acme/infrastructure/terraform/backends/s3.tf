# State in a bucket, with a lock, for more than one person. Copied into the module's folder under the name
# backend_override.tf it takes the place of backend.tf. The bucket is made by hand, outside of this state,
# with versioning on; it is never the one that holds the uploads.
#
#   cp backends/s3.tf backend_override.tf
#   terraform init -backend-config=bucket=BUCKET -backend-config=key=stuf/terraform.tfstate -backend-config=region=REGION
#
# A state that exists moves along with `-migrate-state`.
terraform {
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
