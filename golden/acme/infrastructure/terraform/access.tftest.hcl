# Who may do what, to the letter.

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

run "access" {
  command = plan

  variables {
    content_moves      = false
    session_manager    = true
    existing_subnet_id = ""
  }

  assert {
    condition = jsondecode(aws_iam_user_policy.application.policy).Statement == [
      {
        Sid      = "FindAndList"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket"]
        Resource = "arn:aws:s3:::harbour-stuf-uploads"
      },
      {
        Sid      = "ReadAndWrite"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = "arn:aws:s3:::harbour-stuf-uploads/*"
      },
    ]
    error_message = "The application may do what its client calls, in its bucket, and nothing more."
  }

  assert {
    condition     = aws_iam_user_policy.application.user == aws_iam_user.application.name && aws_iam_user.application.force_destroy == true
    error_message = "The policy is the application's, whose key goes with it."
  }

  assert {
    # A key made here would stand in the state in clear.
    condition     = length([for name in fileset(path.module, "*.tf") : name if strcontains(file("${path.module}/${name}"), "\"aws_iam_access_key\"")]) == 0
    error_message = "Terraform makes no access key."
  }

  assert {
    condition = jsondecode(aws_iam_role.server.assume_role_policy).Statement == [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
    error_message = "The server's role is for machines of EC2."
  }

  assert {
    condition     = aws_instance.server.iam_instance_profile == aws_iam_instance_profile.server.name && aws_iam_instance_profile.server.role == aws_iam_role.server.name
    error_message = "The server has its role."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.session_manager[0].policy).Statement == [{
      Effect = "Allow"
      Action = [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ]
      Resource = "*"
    }]
    error_message = "The server's role is for Session Manager, and reads no parameter."
  }
}

run "while_content_moves" {
  command = plan

  variables {
    content_moves   = true
    session_manager = false
    ssh_cidrs       = ["198.51.100.0/24"]
  }

  assert {
    condition = jsondecode(aws_iam_user_policy.application.policy).Statement[2] == {
      Sid      = "FindUnfinishedUploads"
      Effect   = "Allow"
      Action   = ["s3:ListBucketMultipartUploads"]
      Resource = "arn:aws:s3:::harbour-stuf-uploads"
    }
    error_message = "While content moves, unfinished uploads can be found."
  }

  assert {
    condition     = length(aws_iam_role_policy.session_manager) == 0
    error_message = "Where SSH is the way in, the server's role may do nothing."
  }
}
