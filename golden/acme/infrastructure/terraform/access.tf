# Who may do what. No access key is made here: it would stand in the state in clear.

# The application's client knows nothing but an access key and a secret key, so it is a user. Its key is made by
# hand, once, and goes straight into the file of the secret:
#
#   aws iam create-access-key --user-name NAME
resource "aws_iam_user" "application" {
  #checkov:skip=CKV_AWS_273: The application is no person who could sign in.

  name = "${local.name}-api"
  path = "/stuf/"
  # A key that was made by hand goes with its user.
  force_destroy = true
}

resource "aws_iam_user_policy" "application" {
  #checkov:skip=CKV_AWS_40: A group with one user would only hide what its key may do.

  name = "uploads"
  user = aws_iam_user.application.name

  # What the client calls, and nothing more. It would make a bucket that is missing: it may not.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "FindAndList"
          Effect   = "Allow"
          Action   = ["s3:GetBucketLocation", "s3:ListBucket"]
          Resource = aws_s3_bucket.uploads.arn
        },
        {
          Sid    = "ReadAndWrite"
          Effect = "Allow"
          Action = [
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:GetObject",
            "s3:PutObject",
          ]
          Resource = "${aws_s3_bucket.uploads.arn}/*"
        },
      ],
      # The content program takes away uploads of its own that were interrupted; the application never asks.
      var.content_moves ? [
        {
          Sid      = "FindUnfinishedUploads"
          Effect   = "Allow"
          Action   = ["s3:ListBucketMultipartUploads"]
          Resource = aws_s3_bucket.uploads.arn
        },
      ] : [],
    )
  })
}

resource "aws_iam_role" "server" {
  name = "${local.name}-server"
  path = "/stuf/"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "ec2.amazonaws.com" }
        Action    = "sts:AssumeRole"
      },
    ]
  })
}

resource "aws_iam_instance_profile" "server" {
  name = "${local.name}-server"
  path = "/stuf/"
  role = aws_iam_role.server.name
}

# Session Manager alone. AWS's own policy for it (AmazonSSMManagedInstanceCore) would also let the server read
# every parameter of the account. These calls know no narrower resource.
resource "aws_iam_role_policy" "session_manager" {
  count = var.session_manager ? 1 : 0

  #checkov:skip=CKV_AWS_290: These calls know no narrower resource.
  #checkov:skip=CKV_AWS_355: These calls know no narrower resource.

  name = "session-manager"
  role = aws_iam_role.server.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Action = [
          "ssm:UpdateInstanceInformation",
          "ssmmessages:CreateControlChannel",
          "ssmmessages:CreateDataChannel",
          "ssmmessages:OpenControlChannel",
          "ssmmessages:OpenDataChannel",
        ]
        Resource = "*"
      },
    ]
  })
}
