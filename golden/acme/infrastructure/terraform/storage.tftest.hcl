# The bucket: what it refuses, keeps and forgets.

mock_provider "aws" {
  source          = "./mocks"
  override_during = plan
}

variables {
  slug           = "harbour"
  environment    = "production"
  region         = "eu-west-1"
  domain         = "files.harbour.example"
  bucket_name    = "harbour-stuf-uploads"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKqaAJFD04B2LnIceO5BfT4AlutPAnUP4oE+fwZhylv5"
}

run "bucket" {
  command = plan

  variables {
    noncurrent_version_days = 45
  }

  assert {
    condition     = aws_s3_bucket.uploads.bucket == "harbour-stuf-uploads"
    error_message = "The bucket has the given name."
  }

  assert {
    # Terraform shows no lifecycle to a test, so the text is read.
    condition     = can(regex("resource \"aws_s3_bucket\" \"uploads\" \\{(?:[^\n]|\n[^}])*prevent_destroy = true", file("${path.module}/storage.tf")))
    error_message = "The bucket refuses to be destroyed."
  }

  assert {
    condition     = aws_s3_bucket_versioning.uploads.versioning_configuration[0].status == "Enabled"
    error_message = "What is overwritten or deleted can be brought back."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.uploads.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "Every object is encrypted."
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.uploads.block_public_acls == true
    error_message = "Public access lists are refused."
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.uploads.block_public_policy == true
    error_message = "Public policies are refused."
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.uploads.ignore_public_acls == true
    error_message = "Public access lists have no effect."
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.uploads.restrict_public_buckets == true
    error_message = "A public policy has no effect."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.uploads.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "Objects have no access lists."
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.uploads.policy).Statement == [{
      Sid       = "StufTlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::harbour-stuf-uploads", "arn:aws:s3:::harbour-stuf-uploads/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "Whatever does not come by TLS is refused."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.uploads.rule : rule.abort_incomplete_multipart_upload[0].days_after_initiation if rule.id == "unfinished-uploads" && rule.status == "Enabled"] == [7]
    error_message = "Unfinished uploads are gone after a week."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.uploads.rule : rule.noncurrent_version_expiration[0].noncurrent_days if rule.id == "earlier-versions" && rule.status == "Enabled"] == [45]
    error_message = "Earlier versions are gone after the days asked for."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.uploads.rule : try(rule.expiration[0].expired_object_delete_marker, false) if rule.id == "earlier-versions" && rule.status == "Enabled"] == [true]
    error_message = "A deletion leaves nothing behind once its earlier versions are gone."
  }

  assert {
    condition = output.inventory.storage == {
      endpoint = "s3.eu-west-1.amazonaws.com"
      region   = "eu-west-1"
      bucket   = "harbour-stuf-uploads"
      user     = "stuf-harbour-production-api"
    }
    error_message = "The inventory tells where the uploads go, and whose key signs for them."
  }
}
